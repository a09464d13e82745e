"""The open connections of a server."""

import asyncio
from collections.abc import Iterator
from typing import Protocol


class OpenConnection(Protocol):
    def stop(self) -> None:
        """No further requests; what is asked is answered, and then it closes."""

    def close_after_next(self) -> None:
        """As soon as no request can be on its way here that its client takes for sent. Called again and again."""

    def break_off(self) -> None: ...

    def check(self, now: float) -> None:
        """Ends what takes too long. Called about every second."""


class Connections:
    def __init__(self) -> None:
        self._open: set[OpenConnection] = set()
        self._emptied = asyncio.Event()

    def __iter__(self) -> Iterator[OpenConnection]:
        return iter(tuple(self._open))

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: OpenConnection) -> None:
        self._open.add(connection)
        self._emptied.clear()

    def discard(self, connection: OpenConnection) -> None:
        self._open.discard(connection)
        if not self._open:
            self._emptied.set()

    async def emptied(self) -> None:
        if self._open:
            await self._emptied.wait()
