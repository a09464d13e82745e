"""Where everything begins: clusters, models and what files describe."""

from collections.abc import Mapping, Sequence
from typing import Any

from homeport.client.async_client import AsyncClient
from homeport.client.blocking import run
from homeport.client.config_file import spec_from_file
from homeport.client.contexts import Context
from homeport.client.documents import read_documents
from homeport.client.nouns.compute_cluster import AsyncComputeCluster, ComputeCluster
from homeport.client.nouns.model import AsyncModel, Model
from homeport.client.resource import Applied, Resource
from homeport.core.errors import ErrorCode, HomeportError


class AsyncUser:
    """`user_id` is kept and not used: a Homeport belongs to one organisation."""

    def __init__(self, user_id: str = "", *, context: Context | None = None) -> None:
        self.user_id = user_id
        self.context = context

    async def create_compute_cluster(
        self, compute_cluster_id: str = "", config_filepath: str = ""
    ) -> AsyncComputeCluster:
        """From a `compute_cluster:` file; an id given here wins over the file's. Raises ALREADY_EXISTS."""
        spec = spec_from_file(config_filepath, "compute_cluster", id=compute_cluster_id)
        async with AsyncClient(self.context) as homeport:
            created = await homeport.clusters.create(spec)
        return self.compute_cluster(created.id)

    def compute_cluster(self, compute_cluster_id: str) -> AsyncComputeCluster:
        return AsyncComputeCluster(compute_cluster_id, self.user_id, context=self.context)

    async def list_compute_clusters(self, **filters: Any) -> list[Resource]:
        async with AsyncClient(self.context) as homeport:
            return await homeport.clusters.list(**filters)

    async def create_model(self, config_filepath: str) -> AsyncModel:
        """From a file with a `model:` document and, if there is one, its `model_version:`, or a model's config.yaml.

        What exists already is brought in line with the file.
        """
        documents = [document.plain for document in read_documents(config_filepath)]
        async with AsyncClient(self.context) as homeport:
            applied = await homeport.apply(documents)
        return self.model(_the_model(applied, config_filepath))

    def model(self, model_id: str, deployment_id: str = "") -> AsyncModel:
        return AsyncModel(model_id, self.user_id, deployment_id=deployment_id, context=self.context)

    async def apply(self, documents: Sequence[Mapping[str, Any]], *, create_missing: bool = False) -> list[Applied]:
        async with AsyncClient(self.context) as homeport:
            return await homeport.apply(documents, create_missing=create_missing)


class User:
    """The same, waiting for each answer. Not for use inside a running event loop: there use AsyncUser."""

    def __init__(self, user_id: str = "", *, context: Context | None = None) -> None:
        self._inner = AsyncUser(user_id, context=context)
        self.user_id = user_id
        self.context = context

    def create_compute_cluster(self, compute_cluster_id: str = "", config_filepath: str = "") -> ComputeCluster:
        created = run(self._inner.create_compute_cluster(compute_cluster_id, config_filepath))
        return self.compute_cluster(created.id)

    def compute_cluster(self, compute_cluster_id: str) -> ComputeCluster:
        return ComputeCluster(compute_cluster_id, self.user_id, context=self.context)

    def list_compute_clusters(self, **filters: Any) -> list[Resource]:
        return run(self._inner.list_compute_clusters(**filters))

    def create_model(self, config_filepath: str) -> Model:
        return self.model(run(self._inner.create_model(config_filepath)).id)

    def model(self, model_id: str, deployment_id: str = "") -> Model:
        return Model(model_id, self.user_id, deployment_id=deployment_id, context=self.context)

    def apply(self, documents: Sequence[Mapping[str, Any]], *, create_missing: bool = False) -> list[Applied]:
        return run(self._inner.apply(documents, create_missing=create_missing))


def _the_model(applied: Sequence[Applied], file: str) -> str:
    found = {each.id.split("/")[0] for each in applied if each.kind in ("model", "model_version")}
    if len(found) != 1:
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"{file} describes {len(found)} models, not one")
    return found.pop()
