"""Requests that wait for a replica, in bounded number and each until its own deadline. Tenants take turns."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from homeport.core.tenant_lines import TenantLines

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Place:
    since: float
    timer: asyncio.TimerHandle


class HoldQueue(Generic[T]):
    def __init__(self) -> None:
        self._places: dict[T, _Place] = {}
        self._lines: TenantLines[T] = TenantLines()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, waiter: object) -> bool:
        return waiter in self._places

    @property
    def oldest(self) -> T | None:
        """Who has waited longest."""
        return min(self._lines.firsts(), key=lambda waiter: self._places[waiter].since, default=None)

    @property
    def oldest_since(self) -> float | None:
        """Since when the one that has waited longest waits; None when nobody does."""
        oldest = self.oldest
        return None if oldest is None else self._places[oldest].since

    def put(self, waiter: T, tenant: str, now: float, seconds: float, expired: Callable[[], None]) -> None:
        """`expired` is called after `seconds`, when the waiter is no longer in the queue."""
        timer = asyncio.get_running_loop().call_later(seconds, self._expire, waiter, expired)
        self._places[waiter] = _Place(now, timer)
        self._lines.put(waiter, tenant)

    def leave(self, waiter: T) -> bool:
        """False when it does not wait here."""
        self._lines.leave(waiter)
        return self._forget(waiter) is not None

    def pop(self) -> T | None:
        """The oldest of the tenant whose turn it is."""
        return self._forget(self._lines.pop())

    def give_way(self, tenant: str) -> T | None:
        """Who leaves a full queue for one more of `tenant`, if somebody does."""
        return self._forget(self._lines.give_way(tenant))

    def in_turn(self) -> Iterator[T]:
        """All, as they would go out one after the other."""
        return self._lines.in_turn()

    def _forget(self, waiter: T | None) -> T | None:
        place = self._places.pop(waiter, None) if waiter is not None else None
        if place is None:
            return None
        place.timer.cancel()
        return waiter

    def _expire(self, waiter: T, expired: Callable[[], None]) -> None:
        if self.leave(waiter):
            expired()
