"""What somebody else's server has answered, kept for a while: its failures, too, but not for long."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from homeport.core.errors import HomeportError

T = TypeVar("T")

_FAILURE_SECONDS = 5.0


class Remembered(Generic[T]):
    """`ask` raises HomeportError. One question is under way at a time, and those who wait behind one that fails are
    told the same: a server that does not answer holds nobody up for longer than one question takes."""

    def __init__(self, ask: Callable[[], Awaitable[T]], clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._answer: tuple[float, T] | None = None
        self._failure: tuple[float, HomeportError] | None = None
        self._asking = asyncio.Lock()

    async def get(self, oldest_seconds: float) -> T:
        """An answer that is younger than that."""
        async with self._asking:
            if self._answer is not None and self._clock() - self._answer[0] < oldest_seconds:
                return self._answer[1]
            if self._failure is not None and self._clock() - self._failure[0] < _FAILURE_SECONDS:
                raise self._failure[1].with_path("")
            try:
                self._answer = self._clock(), await self._ask()
            except HomeportError as error:
                self._failure = self._clock(), error
                raise
            return self._answer[1]
