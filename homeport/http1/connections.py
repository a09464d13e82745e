"""The open connections of a server."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homeport.http1.server_connection import ServerConnection


class Connections:
    def __init__(self) -> None:
        self._open: set[ServerConnection] = set()
        self._emptied = asyncio.Event()

    def __iter__(self) -> "Iterator[ServerConnection]":
        return iter(tuple(self._open))

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: "ServerConnection") -> None:
        self._open.add(connection)
        self._emptied.clear()

    def discard(self, connection: "ServerConnection") -> None:
        self._open.discard(connection)
        if not self._open:
            self._emptied.set()

    async def emptied(self) -> None:
        if self._open:
            await self._emptied.wait()
