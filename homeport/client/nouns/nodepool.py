"""Nodes of one cluster with like hardware; deployments are made on it."""

from typing import Any

from homeport.client.async_client import AsyncClient
from homeport.client.blocking import run
from homeport.client.collection import Collection
from homeport.client.config_file import spec_from_file, with_nodepool
from homeport.client.contexts import Context
from homeport.client.nouns.deployment import AsyncDeployment, Deployment
from homeport.client.nouns.named import AsyncNamed, Named
from homeport.client.resource import Resource


class AsyncNodepool(AsyncNamed):
    """The cluster may be left out while only one cluster has a nodepool of that id."""

    def __init__(
        self,
        nodepool_id: str,
        user_id: str = "",
        *,
        compute_cluster_id: str = "",
        context: Context | None = None,
    ) -> None:
        super().__init__(nodepool_id, user_id, context)
        self.compute_cluster_id = compute_cluster_id

    def collection(self, homeport: AsyncClient) -> Collection:
        return homeport.nodepools

    async def key(self, homeport: AsyncClient) -> str:
        if self.compute_cluster_id:
            return f"{self.compute_cluster_id}/{self.id}"
        return await homeport.find_nodepool(self.id)

    async def create_deployment(
        self, deployment_id: str = "", config_filepath: str = "", *, create_missing: bool = False
    ) -> AsyncDeployment:
        """From a `deployment:` file; an id given here wins over the file's.

        The file's `nodepools` must name this one; a file without them is deployed here alone. Raises ALREADY_EXISTS.
        """
        spec = spec_from_file(config_filepath, "deployment", id=deployment_id)
        async with self.connect() as homeport:
            spec = with_nodepool(spec, await self.key(homeport))
            created = await homeport.deployments.create(spec, create_missing=create_missing)
        return self.deployment(created.id)

    def deployment(self, deployment_id: str) -> AsyncDeployment:
        return AsyncDeployment(deployment_id, self.user_id, context=self.context)

    async def list_deployments(self, **filters: Any) -> list[Resource]:
        async with self.connect() as homeport:
            return await homeport.deployments.list(nodepool=await self.key(homeport), **filters)

    async def create_join_token(self, ttl_seconds: int = 300) -> dict[str, Any]:
        """`token`, and the `command` that makes a host a node of this nodepool. Shown this once."""
        async with self.connect() as homeport:
            return await homeport.create_join_token(await self.key(homeport), ttl_seconds)


class Nodepool(Named[AsyncNodepool]):
    def __init__(
        self,
        nodepool_id: str,
        user_id: str = "",
        *,
        compute_cluster_id: str = "",
        context: Context | None = None,
    ) -> None:
        inner = AsyncNodepool(nodepool_id, user_id, compute_cluster_id=compute_cluster_id, context=context)
        super().__init__(inner)

    def create_deployment(
        self, deployment_id: str = "", config_filepath: str = "", *, create_missing: bool = False
    ) -> Deployment:
        creating = self._inner.create_deployment(deployment_id, config_filepath, create_missing=create_missing)
        return self.deployment(run(creating).id)

    def deployment(self, deployment_id: str) -> Deployment:
        return Deployment(deployment_id, self.user_id, context=self.context)

    def list_deployments(self, **filters: Any) -> list[Resource]:
        return run(self._inner.list_deployments(**filters))

    def create_join_token(self, ttl_seconds: int = 300) -> dict[str, Any]:
        return run(self._inner.create_join_token(ttl_seconds))
