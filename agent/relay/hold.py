"""Requests that wait for a replica, in bounded number and each until its own deadline.

Tenants take turns, so that nobody waits behind the whole flood of another; each tenant's own go in the order in which
they came.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Place:
    tenant: str
    since: float
    timer: asyncio.TimerHandle


class HoldQueue(Generic[T]):
    def __init__(self) -> None:
        self._places: dict[T, _Place] = {}
        # Each tenant's line; the tenant whose turn it is comes first.
        self._lines: dict[str, dict[T, None]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, waiter: object) -> bool:
        return waiter in self._places

    @property
    def oldest(self) -> T | None:
        """Who has waited longest."""
        firsts = (next(iter(line)) for line in self._lines.values())
        return min(firsts, key=lambda waiter: self._places[waiter].since, default=None)

    @property
    def oldest_since(self) -> float | None:
        """Since when the one that has waited longest waits; None when nobody does."""
        oldest = self.oldest
        return None if oldest is None else self._places[oldest].since

    def put(self, waiter: T, tenant: str, now: float, seconds: float, expired: Callable[[], None]) -> None:
        """`expired` is called after `seconds`, when the waiter is no longer in the queue."""
        timer = asyncio.get_running_loop().call_later(seconds, self._expire, waiter, expired)
        self._places[waiter] = _Place(tenant, now, timer)
        self._lines.setdefault(tenant, {})[waiter] = None

    def leave(self, waiter: T) -> bool:
        """False when it does not wait here."""
        place = self._places.pop(waiter, None)
        if place is None:
            return False
        place.timer.cancel()
        line = self._lines[place.tenant]
        del line[waiter]
        if not line:
            del self._lines[place.tenant]
        return True

    def pop(self) -> T | None:
        """The oldest of the tenant whose turn it is."""
        if not self._lines:
            return None
        tenant, line = next(iter(self._lines.items()))
        waiter = next(iter(line))
        self.leave(waiter)
        if line:
            self._lines[tenant] = self._lines.pop(tenant)
        return waiter

    def give_way(self, tenant: str) -> T | None:
        """Who leaves a full queue for one more of `tenant`: the newest of whoever has most waiting. None where that
        one would have no more than `tenant` then."""
        longest = max(self._lines.values(), key=len, default={})
        if len(longest) <= len(self._lines.get(tenant, ())) + 1:
            return None
        waiter = next(reversed(longest))
        self.leave(waiter)
        return waiter

    def in_turn(self) -> Iterator[T]:
        """All, as they would go out one after the other."""
        lines = [list(line) for line in self._lines.values()]
        for turn in range(max(map(len, lines), default=0)):
            yield from (line[turn] for line in lines if turn < len(line))

    def _expire(self, waiter: T, expired: Callable[[], None]) -> None:
        if self.leave(waiter):
            expired()
