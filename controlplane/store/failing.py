"""A store whose next writes fail: to see what the rest of the program does when the disk is full."""

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from controlplane.store.store import Change, Kind, Problem, Record, Store, Transaction
from homeport.core.errors import HomeportError

T = TypeVar("T")


class FailingStore:
    """Passes everything on to `inner`, which must not be used beside it."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self._error: HomeportError | None = None
        self._left = 0

    def fail_next(self, error: HomeportError, writes: int = 1) -> None:
        """The next `writes` writes raise `error` and change nothing. 0 = mended."""
        self._error = error
        self._left = writes

    @property
    def store_id(self) -> str:
        return self._inner.store_id

    @property
    def seq(self) -> int:
        return self._inner.seq

    @property
    def problem(self) -> Problem | None:
        return Problem(self._error, 0.0) if self._left and self._error else self._inner.problem

    async def open(self) -> None:
        await self._inner.open()

    async def close(self) -> None:
        await self._inner.close()

    async def renumber(self) -> None:
        await self._inner.renumber()

    async def write(self, change: Callable[[Transaction], T]) -> T:
        if self._left and self._error:
            self._left -= 1
            raise self._error
        return await self._inner.write(change)

    def get(self, kind: Kind, id: str) -> Record | None:
        return self._inner.get(kind, id)

    def all(self, kind: Kind) -> list[Record]:
        return self._inner.all(kind)

    def known_deletions(self, kind: Kind) -> set[str]:
        return self._inner.known_deletions(kind)

    def changes(self, since: int | None = None) -> AsyncIterator[list[Change]]:
        return self._inner.changes(since)
