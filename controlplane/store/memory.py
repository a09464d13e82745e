"""A store that keeps nothing: for tests, simulations and benchmarks. No thread, no file, no clock of its own."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from controlplane.store.audit import AuditEntry, AuditQuery
from controlplane.store.changelog import KEEP, ChangeLog
from controlplane.store.history import (
    HistoryQuery,
    KeptEntry,
    KeptMinute,
    KeptUsage,
    NodeHistory,
    Retention,
    TrafficQuery,
)
from controlplane.store.memory_history import MemoryHistory
from controlplane.store.state import State, StateReader, closed_error, new_store_id
from controlplane.store.store import Transaction

T = TypeVar("T")


class MemoryStore(StateReader):
    """`wall` gives unix seconds; `keep_changes` bounds the change log."""

    def __init__(self, wall: Callable[[], float] = time.time, keep_changes: int = KEEP) -> None:
        self._wall = wall
        self._state = State(log=ChangeLog(keep=keep_changes))
        self._open = False
        self._audited: list[AuditEntry] = []
        self._audit_number = 0
        self._history = MemoryHistory()

    async def open(self) -> None:
        self._open = True

    async def close(self) -> None:
        self._open = False
        self._state.log.close()

    async def renumber(self) -> None:
        self._state.store_id = new_store_id()

    async def write(self, change: Callable[[Transaction], T]) -> T:
        if not self._open:
            raise closed_error()
        batch = self._state.begin(self._wall())
        result = batch.run(change)
        self._state.apply(batch)
        for entry in batch.audited:
            self._audit_number += 1
            self._audited.append(replace(entry, number=self._audit_number))
        return result

    async def audit_entries(self, query: AuditQuery) -> list[AuditEntry]:
        entries = self._audited if query.oldest_first else reversed(self._audited)
        return list(islice(filter(query.matches, entries), query.limit))

    async def keep_history(self, told: Sequence[NodeHistory]) -> None:
        if not self._open:
            raise closed_error()
        self._history.keep(told)

    async def history(self, query: HistoryQuery) -> list[KeptEntry]:
        return self._history.entries(query)

    async def traffic(self, query: TrafficQuery) -> list[KeptMinute]:
        return self._history.traffic(query)

    async def site_usage(self, token_id: str) -> list[KeptUsage]:
        return self._history.site_usage(token_id)

    async def trim_history(self, retention: Retention) -> int:
        return self._history.trim(retention)

    async def forget_audit(self, before: float) -> int:
        kept = [entry for entry in self._audited if entry.at >= before]
        forgotten, self._audited = len(self._audited) - len(kept), kept
        return forgotten
