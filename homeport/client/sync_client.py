"""The SDK without asyncio: the same methods, each waiting for its answer."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar

from homeport.client.async_client import AsyncClient, Collection, Spec
from homeport.client.contexts import Context
from homeport.client.resource import Applied, Resource

T = TypeVar("T")


class SyncCollection:
    def __init__(self, runner: asyncio.Runner, inner: Collection) -> None:
        self._runner = runner
        self._inner = inner

    def list(self, **filters: str) -> list[Resource]:
        return self._runner.run(self._inner.list(**filters))

    def get(self, object_id: str) -> Resource:
        return self._runner.run(self._inner.get(object_id))

    def create(self, spec: Spec) -> Resource:
        return self._runner.run(self._inner.create(spec))

    def delete(self, object_id: str) -> None:
        self._runner.run(self._inner.delete(object_id))


class Client:
    """`with Client() as homeport:`. Not for use inside a running event loop: there use AsyncClient."""

    def __init__(self, context: Context | None = None) -> None:
        self._inner = AsyncClient(context)
        self._runner = asyncio.Runner()
        self.context = self._inner.context
        self.clusters = SyncCollection(self._runner, self._inner.clusters)
        self.nodepools = SyncCollection(self._runner, self._inner.nodepools)
        self.nodes = SyncCollection(self._runner, self._inner.nodes)
        self.models = SyncCollection(self._runner, self._inner.models)
        self.deployments = SyncCollection(self._runner, self._inner.deployments)
        self.join_tokens = SyncCollection(self._runner, self._inner.join_tokens)

    def __enter__(self) -> Self:
        self._run(self._inner.__aenter__())
        return self

    def __exit__(self, *exit_info: Any) -> None:
        self._run(self._inner.__aexit__(*exit_info))
        self._runner.close()

    def model_versions(self, model: str) -> SyncCollection:
        return SyncCollection(self._runner, self._inner.model_versions(model))

    def revisions(self, deployment: str) -> list[Resource]:
        return self._run(self._inner.revisions(deployment))

    def placements(self, **filters: str) -> list[Resource]:
        return self._run(self._inner.placements(**filters))

    def replicas(self, **filters: str) -> list[dict[str, Any]]:
        return self._run(self._inner.replicas(**filters))

    def apply(self, documents: Sequence[Mapping[str, Any]], *, dry_run: bool = False) -> list[Applied]:
        return self._run(self._inner.apply(documents, dry_run=dry_run))

    def create_join_token(self, nodepool: str, ttl_seconds: int = 300) -> dict[str, Any]:
        return self._run(self._inner.create_join_token(nodepool, ttl_seconds))

    def status(self) -> dict[str, Any]:
        return self._run(self._inner.status())

    def logs(self, deployment: str, *, tail: int = 100, follow: bool = False, replica: str = "") -> Iterator[str]:
        return self._each(self._inner.logs(deployment, tail=tail, follow=follow, replica=replica))

    def chat(self, deployment: str, messages: Sequence[Mapping[str, Any]], **options: Any) -> Iterator[str]:
        return self._each(self._inner.chat(deployment, messages, **options))

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(call)

    def _each(self, items: AsyncIterator[T]) -> Iterator[T]:
        """Steps through an async generator; leaving the loop early closes it, and with it the connection."""
        try:
            while (item := self._run(_next(items))) is not None:
                yield item
        finally:
            self._run(_close(items))


async def _next(items: AsyncIterator[T]) -> T | None:
    return await anext(items, None)


async def _close(items: AsyncIterator[Any]) -> None:
    close = getattr(items, "aclose", None)
    if close is not None:
        await close()
