"""Takes in what nodes tell of the past: pages of many nodes are written together, and acknowledged when they are."""

import asyncio
from collections.abc import Callable

import structlog

from controlplane.history.tally import HistoryTally
from controlplane.store.history import NodeHistory
from controlplane.store.store import Store
from homeport.core.errors import HomeportError
from homeport.core.history.entry import Page

log = structlog.get_logger()

# A fleet that comes back after an outage tells all it has at once.
_GATHER_SECONDS = 0.5
_MOST_ENTRIES = 50_000

# Tells the node that all of a log up to a number is kept.
Kept = Callable[[str, int], None]


class HistoryIntake:
    def __init__(self, store: Store) -> None:
        self.tally = HistoryTally()
        self._store = store
        self._waiting: list[tuple[NodeHistory, Kept]] = []
        self._entries = 0
        self._filled = asyncio.Event()

    def take(self, node_id: str, page: Page, kept: Kept) -> None:
        """Who is not acknowledged, since too much waits or the disk is full, tells it again by itself."""
        if page.entries and self._entries < _MOST_ENTRIES:
            self._waiting.append((NodeHistory(node_id, page), kept))
            self._entries += len(page.entries)
            self._filled.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._filled.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            await self.keep()

    async def keep(self) -> None:
        waiting, self._waiting, self._entries = self._waiting, [], 0
        self._filled.clear()
        try:
            await self._store.keep_history([told for told, _ in waiting])
        except HomeportError as error:
            log.warning("history not kept; its nodes tell it again", nodes=len(waiting), error=str(error))
            return
        for told, kept in waiting:
            self.tally.take(told)
            kept(told.page.log_id, told.page.entries[-1].number)
