"""What every noun can do. Each call has a connection of its own: there is nothing to open or to close."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from homeport.client.async_client import AsyncClient
from homeport.client.blocking import run
from homeport.client.collection import Collection
from homeport.client.contexts import Context
from homeport.client.resource import Edited, Resource


class AsyncNamed:
    """One object by its id. `user_id` is kept and not used: a Homeport belongs to one organisation.

    Without a `context` it talks to the one that the CLI would.
    """

    def __init__(self, object_id: str, user_id: str, context: Context | None) -> None:
        self.id = object_id
        self.user_id = user_id
        self.context = context

    def connect(self) -> AsyncClient:
        return AsyncClient(self.context)

    def collection(self, homeport: AsyncClient) -> Collection:
        raise NotImplementedError

    async def key(self, homeport: AsyncClient) -> str:
        """The id as the API knows it."""
        return self.id

    async def get(self) -> Resource:
        async with self.connect() as homeport:
            return await self.collection(homeport).get(await self.key(homeport))

    async def edit(self, patch: Mapping[str, Any], *, generation: int | None = None, dry_run: bool = False) -> Edited:
        """`patch` is a merge patch of the spec: see `Collection.edit`."""
        async with self.connect() as homeport:
            key = await self.key(homeport)
            return await self.collection(homeport).edit(key, patch, generation=generation, dry_run=dry_run)

    async def impact(self) -> dict[str, Any]:
        """What deleting it would stop and lose."""
        async with self.connect() as homeport:
            return await self.collection(homeport).impact(await self.key(homeport))

    async def delete(self) -> None:
        async with self.connect() as homeport:
            await self.collection(homeport).delete(await self.key(homeport))


Inner = TypeVar("Inner", bound=AsyncNamed)


class Named(Generic[Inner]):
    """The same, waiting for each answer. Not for use inside a running event loop: there use the Async form."""

    def __init__(self, inner: Inner) -> None:
        self._inner = inner

    @property
    def id(self) -> str:
        return self._inner.id

    @property
    def user_id(self) -> str:
        return self._inner.user_id

    @property
    def context(self) -> Context | None:
        return self._inner.context

    def get(self) -> Resource:
        return run(self._inner.get())

    def edit(self, patch: Mapping[str, Any], *, generation: int | None = None, dry_run: bool = False) -> Edited:
        return run(self._inner.edit(patch, generation=generation, dry_run=dry_run))

    def impact(self) -> dict[str, Any]:
        return run(self._inner.impact())

    def delete(self) -> None:
        run(self._inner.delete())
