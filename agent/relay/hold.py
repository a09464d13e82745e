"""Requests that wait for a replica: first come, first served, in bounded number, each until its own deadline."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class HoldQueue(Generic[T]):
    def __init__(self) -> None:
        self._waiting: dict[T, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, waiter: T, seconds: float, expired: Callable[[], None]) -> None:
        """`expired` is called after `seconds`, when the waiter is no longer in the queue."""
        self._waiting[waiter] = asyncio.get_running_loop().call_later(seconds, self._expire, waiter, expired)

    def leave(self, waiter: T) -> None:
        timer = self._waiting.pop(waiter, None)
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
        if self._waiting.pop(waiter, None) is not None:
            expired()
