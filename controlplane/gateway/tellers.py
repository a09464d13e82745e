"""What a gateway has to say to whoever feeds it. They run while the feed is connected."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

# Takes a message of one key; raises OSError once nobody listens.
Say = Callable[[Mapping[str, Any]], Awaitable[None]]
Teller = Callable[[Say], Coroutine[Any, Any, None]]


def every(seconds: float, key: str, take: Callable[[], Any]) -> Teller:
    """Says what is there to take, if anything, that often."""

    async def tell(say: Say) -> None:
        while True:
            await asyncio.sleep(seconds)
            if taken := take():
                await say({key: taken})

    return tell


class WhenAdded:
    """Says at once what was added, each thing once; what is added while nobody listens waits."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._waiting: set[str] = set()
        self._added = asyncio.Event()

    def add(self, text: str) -> None:
        self._waiting.add(text)
        self._added.set()

    async def tell(self, say: Say) -> None:
        while True:
            await self._added.wait()
            self._added.clear()
            taken, self._waiting = self._waiting, set()
            await say({self._key: sorted(taken)})
