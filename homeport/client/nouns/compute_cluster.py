"""A site, which makes its nodepools."""

from typing import Any

from homeport.client.async_client import AsyncClient
from homeport.client.blocking import run
from homeport.client.collection import Collection
from homeport.client.config_file import spec_from_file
from homeport.client.contexts import Context
from homeport.client.nouns.named import AsyncNamed, Named
from homeport.client.nouns.nodepool import AsyncNodepool, Nodepool
from homeport.client.resource import Resource


class AsyncComputeCluster(AsyncNamed):
    def __init__(self, compute_cluster_id: str, user_id: str = "", *, context: Context | None = None) -> None:
        super().__init__(compute_cluster_id, user_id, context)

    def collection(self, homeport: AsyncClient) -> Collection:
        return homeport.clusters

    async def create_nodepool(self, nodepool_id: str = "", config_filepath: str = "") -> AsyncNodepool:
        """From a `nodepool:` file. This cluster, and an id given here, win over the file's. Raises ALREADY_EXISTS."""
        spec = spec_from_file(config_filepath, "nodepool", id=nodepool_id, compute_cluster={"id": self.id})
        async with self.connect() as homeport:
            await homeport.nodepools.create(spec)
        return self.nodepool(spec["id"])

    def nodepool(self, nodepool_id: str) -> AsyncNodepool:
        return AsyncNodepool(nodepool_id, self.user_id, compute_cluster_id=self.id, context=self.context)

    async def list_nodepools(self, **filters: Any) -> list[Resource]:
        async with self.connect() as homeport:
            return await homeport.nodepools.list(cluster=self.id, **filters)


class ComputeCluster(Named[AsyncComputeCluster]):
    def __init__(self, compute_cluster_id: str, user_id: str = "", *, context: Context | None = None) -> None:
        super().__init__(AsyncComputeCluster(compute_cluster_id, user_id, context=context))

    def create_nodepool(self, nodepool_id: str = "", config_filepath: str = "") -> Nodepool:
        return self.nodepool(run(self._inner.create_nodepool(nodepool_id, config_filepath)).id)

    def nodepool(self, nodepool_id: str) -> Nodepool:
        return Nodepool(nodepool_id, self.user_id, compute_cluster_id=self.id, context=self.context)

    def list_nodepools(self, **filters: Any) -> list[Resource]:
        return run(self._inner.list_nodepools(**filters))
