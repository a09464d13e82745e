"""A memory store with a site on it, and the verbs of `fleet` one transaction each."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from controlplane.fleet.apply import Applied, apply_documents
from controlplane.fleet.kinds import kinds_with
from controlplane.secrets.master_key import MasterKeys, new_key
from controlplane.secrets.vault import Vault
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Record, Transaction
from homeport.core.errors import HomeportError
from homeport.schema.documents import load_documents, parse_documents
from tests.fakes.clock import FakeClock
from tests.fakes.principals import ANYTHING_GOES

T = TypeVar("T")


class Site:
    def __init__(self) -> None:
        self.vault = Vault(MasterKeys((new_key(),)))
        self.store = MemoryStore(FakeClock(1.7e9))

    async def apply(self, *documents: dict[str, Any], **flags: bool) -> list[Applied]:
        return await apply_documents(
            self.store, parse_documents(documents), ANYTHING_GOES, kinds=kinds_with(self.vault), **flags
        )

    async def apply_text(self, text: str, *more: dict[str, Any], **flags: bool) -> list[Applied]:
        """YAML as it stands in files, with documents that are not in it."""
        return await self.apply(*load_documents(text), *more, **flags)

    async def refused(self, *documents: dict[str, Any], **flags: bool) -> HomeportError:
        with pytest.raises(HomeportError) as caught:
            await self.apply(*documents, **flags)
        return caught.value

    async def write(self, change: Callable[[Transaction], T]) -> T:
        return await self.store.write(change)

    def get(self, kind: Kind, id: str) -> Record:
        record = self.store.get(kind, id)
        assert record is not None
        return record

    async def deploy(self, id: str = "chat", model: str = "m", pool: str = "shared", **more: Any) -> list[Applied]:
        return await self.apply({"deployment": deployment(id, model, pool, **more)})


def deployment(id: str = "chat", model: str = "m", pool: str = "shared", **more: Any) -> dict[str, Any]:
    pools = [{"id": pool, "compute_cluster": {"id": "office"}}]
    return {"id": id, "worker": {"model": {"id": model}}, "nodepools": pools, **more}


def version(id: str, model: str = "m", **more: Any) -> dict[str, Any]:
    return {"model_version": {"id": id, "model": {"id": model}, "command": ["serve", id], **more}}
