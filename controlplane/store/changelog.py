"""The newest changes, kept in memory for whoever follows the store.

A follower is only a position in the shared log: a slow one costs nothing, holds nobody up, and is told to list again
when the log has moved past it.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence

from controlplane.store.store import Change, Kind
from homeport.core.errors import ErrorCode, HomeportError

KEEP = 100_000
# One answer to a follower holds about this many changes; a transaction is never split.
_PORTION = 1000


class ChangeLog:
    """Holds all changes with `floor < seq <= newest`, and at most `keep` of them (plus a tenth, between trims)."""

    def __init__(self, newest: int = 0, floor: int | None = None, changes: Sequence[Change] = (), keep: int = KEEP):
        self.newest = newest
        self.floor = newest if floor is None else floor
        self.closed = False
        self._changes = list(changes)
        self._keep = keep
        self._news = asyncio.Event()

    def append(self, changes: Sequence[Change], newest: int) -> None:
        self._changes += changes
        self.newest = newest
        if len(self._changes) > self._keep + self._keep // 10:
            self._trim()
        self._wake()

    def close(self) -> None:
        """Followers end after what they have not read yet."""
        self.closed = True
        self._wake()

    def follow(self, since: int | None) -> "ChangeStream":
        return ChangeStream(self, self.newest if since is None else since)

    def after(self, seq: int) -> list[Change]:
        """The next portion, empty when there is nothing newer. Raises HomeportError(CONFLICT)."""
        if not self.floor <= seq <= self.newest:
            raise HomeportError(
                ErrorCode.CONFLICT,
                f"the change log holds {self.floor} to {self.newest} and does not reach {seq}",
                hint="list the objects again and follow from the seq of that list",
            )
        first = bisect_right(self._changes, seq, key=_seq)
        portion = self._changes[first : first + _PORTION]
        if len(portion) == _PORTION:
            end = bisect_right(self._changes, portion[-1].seq, key=_seq)
            portion = self._changes[first:end]
        return portion

    def deleted(self, kind: Kind) -> set[str]:
        """Ids whose newest change is a deletion."""
        newest = {change.id: change.record for change in self._changes if change.kind is kind}
        return {id for id, record in newest.items() if record is None}

    async def wait(self) -> None:
        await self._news.wait()

    def _trim(self) -> None:
        excess = len(self._changes) - self._keep
        self.floor = self._changes[excess - 1].seq
        del self._changes[: bisect_right(self._changes, self.floor, key=_seq)]

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class ChangeStream:
    """An async iterator of portions. Its position is fixed when it is made, not when it is first read."""

    def __init__(self, log: ChangeLog, position: int) -> None:
        self._log = log
        self._position = position

    def __aiter__(self) -> "ChangeStream":
        return self

    async def __anext__(self) -> list[Change]:
        while not (portion := self._log.after(self._position)):
            # Changes that a restart folded away still move the position on.
            self._position = self._log.newest
            if self._log.closed:
                raise StopAsyncIteration
            await self._log.wait()
        self._position = portion[-1].seq
        return portion


def _seq(change: Change) -> int:
    return change.seq
