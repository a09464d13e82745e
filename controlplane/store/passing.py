"""A store that passes everything on to another one: what its heirs change stands out."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

from controlplane.store.audit import AuditEntry, AuditQuery
from controlplane.store.history import (
    HistoryQuery,
    KeptEntry,
    KeptMinute,
    KeptUsage,
    NodeHistory,
    Retention,
    TrafficQuery,
)
from controlplane.store.store import Change, Index, Kind, Problem, Record, Store, Transaction

T = TypeVar("T")


class PassingStore:
    def __init__(self, inner: Store) -> None:
        self._inner = inner

    @property
    def store_id(self) -> str:
        return self._inner.store_id

    @property
    def seq(self) -> int:
        return self._inner.seq

    @property
    def problem(self) -> Problem | None:
        return self._inner.problem

    async def open(self) -> None:
        await self._inner.open()

    async def close(self) -> None:
        await self._inner.close()

    async def renumber(self) -> None:
        await self._inner.renumber()

    async def write(self, change: Callable[[Transaction], T]) -> T:
        return await self._inner.write(change)

    def get(self, kind: Kind, id: str) -> Record | None:
        return self._inner.get(kind, id)

    def all(self, kind: Kind) -> list[Record]:
        return self._inner.all(kind)

    def find(self, index: Index, key: str) -> list[Record]:
        return self._inner.find(index, key)

    def known_deletions(self, kind: Kind) -> set[str]:
        return self._inner.known_deletions(kind)

    def changes(self, since: int | None = None) -> AsyncIterator[list[Change]]:
        return self._inner.changes(since)

    async def audit_entries(self, query: AuditQuery) -> list[AuditEntry]:
        return await self._inner.audit_entries(query)

    async def forget_audit(self, before: float) -> int:
        return await self._inner.forget_audit(before)

    async def keep_history(self, told: Sequence[NodeHistory]) -> None:
        await self._inner.keep_history(told)

    async def history(self, query: HistoryQuery) -> list[KeptEntry]:
        return await self._inner.history(query)

    async def traffic(self, query: TrafficQuery) -> list[KeptMinute]:
        return await self._inner.traffic(query)

    async def site_usage(self, token_id: str) -> list[KeptUsage]:
        return await self._inner.site_usage(token_id)

    async def trim_history(self, retention: Retention) -> int:
        return await self._inner.trim_history(retention)
