"""Telling copies of nodes from nodes, and writing down what that takes."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from controlplane.fleet.node_quarantine import is_noted, memory_of, note_copy, note_kept
from controlplane.store.store import Kind, Store
from homeport.core.errors import HomeportError
from homeport.core.likeness import WHY, Claim, Suspicion, suspicion
from homeport.core.node_identity import Shown

log = structlog.get_logger()

_WRITE_EVERY_SECONDS = 1.0


class Copies:
    def __init__(self, store: Store) -> None:
        self._store = store

    def suspicion(self, node_id: str, claim: Claim) -> Suspicion | None:
        node = self._store.get(Kind.NODE, node_id)
        return suspicion(memory_of(node), claim) if node is not None else None

    async def turned_away(self, why: Suspicion, shown: Shown, claim: Claim, address: str) -> None:
        """It stays out whether or not that can be written down."""
        log.error("a copy of a node was refused", node_id=shown.node_id, address=address, why=WHY[why])
        node = self._store.get(Kind.NODE, shown.node_id)
        if node is None or is_noted(node, why, shown, claim):
            return
        try:
            await self._store.write(lambda tx: note_copy(tx, why, shown, claim, address))
        except HomeportError as error:
            log.error("a copy is not written down", node_id=shown.node_id, reason=str(error))


class KeptEpochs:
    """Which epochs the agents have on their disks, written down together: an agent that knows less was set back."""

    def __init__(self, store: Store, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._store = store
        self._sleep = sleep
        self._unwritten: dict[str, int] = {}
        self._noted = asyncio.Event()

    def note(self, node_id: str, epoch: int) -> None:
        self._unwritten[node_id] = epoch
        self._noted.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._noted.wait()
            await self.write()
            await self._sleep(_WRITE_EVERY_SECONDS)

    async def write(self) -> None:
        """What cannot be written now is tried again with the next."""
        self._noted.clear()
        epochs, self._unwritten = self._unwritten, {}
        if not epochs:
            return
        try:
            await self._store.write(lambda tx: note_kept(tx, epochs))
        except HomeportError as error:
            self._unwritten = epochs | self._unwritten
            log.warning("epochs of agents not written down", error=str(error))
