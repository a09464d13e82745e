"""Requests that wait for a replica: first come, first served, in bounded number, each until its own deadline."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class HoldQueue(Generic[T]):
    def __init__(self) -> None:
        self._waiting: dict[T, asyncio.TimerHandle] = {}
        self._since: dict[T, float] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def oldest_wait_seconds(self) -> float:
        """Of the one that has waited longest; 0 when nobody waits."""
        since = next(iter(self._since.values()), None)
        return 0.0 if since is None else asyncio.get_running_loop().time() - since

    def put(self, waiter: T, seconds: float, expired: Callable[[], None]) -> None:
        """`expired` is called after `seconds`, when the waiter is no longer in the queue."""
        loop = asyncio.get_running_loop()
        self._waiting[waiter] = loop.call_later(seconds, self._expire, waiter, expired)
        self._since[waiter] = loop.time()

    def leave(self, waiter: T) -> None:
        timer = self._waiting.pop(waiter, None)
        self._since.pop(waiter, None)
        if timer is not None:
            timer.cancel()

    def pop(self) -> T | None:
        """The one that has waited longest."""
        if not self._waiting:
            return None
        waiter = next(iter(self._waiting))
        self.leave(waiter)
        return waiter

    def _expire(self, waiter: T, expired: Callable[[], None]) -> None:
        self._since.pop(waiter, None)
        if self._waiting.pop(waiter, None) is not None:
            expired()
