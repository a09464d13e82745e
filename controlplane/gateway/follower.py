"""The gateway's side of the feed: learns what it must know, and tells what it has seen, again and again.

Whatever becomes of the feed: what was learned from it stays valid until it says otherwise.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import structlog

from controlplane.gateway.tellers import Say, Teller
from homeport.unix_socket import short_name

log = structlog.get_logger()

_RETRY_SECONDS = 0.2
LONGEST_LINE = 1 << 24


class Writer(Protocol):
    """The part of a StreamWriter that is used here."""

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None:
        """Raises OSError once the connection is over."""

    def close(self) -> None: ...


class Tables(Protocol):
    """What is learned; see GatewayTables."""

    def put(self, table: str, key: str, value: Any) -> None: ...

    def keep_only(self, known: set[tuple[str, str]]) -> None: ...


Streams = tuple[asyncio.StreamReader, Writer]


class FeedFollower:
    """`connect` raises OSError while nobody is there. `learners`: message key to who learns from it. `tellers` run
    while the feed is there. Both are filled before `run`. `complete` is called when all is known."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Streams]],
        tables: Tables,
        complete: Callable[[Say], Awaitable[None]],
    ) -> None:
        self._connect = connect
        self._tables = tables
        self._complete = complete
        self.learners: dict[str, Callable[[Any], None]] = {}
        self.tellers: list[Teller] = []

    async def run(self) -> None:
        """Until cancelled, or `complete` raises what is no OSError."""
        while True:
            try:
                reader, writer = await self._connect()
            except OSError:
                await asyncio.sleep(_RETRY_SECONDS)
                continue

            async def say(message: Mapping[str, Any], writer: Writer = writer) -> None:
                writer.write(json.dumps(message).encode() + b"\n")
                await writer.drain()

            telling = [asyncio.create_task(_until_gone(tell(say))) for tell in self.tellers]
            try:
                await self._learn(reader, say)
            except (OSError, ValueError) as error:
                log.warning("the feed broke off", error=str(error))
            finally:
                for task in telling:
                    task.cancel()
                writer.close()
            log.warning("the control plane is away; routes and tokens stay as they are")
            await asyncio.sleep(_RETRY_SECONDS)

    async def _learn(self, reader: asyncio.StreamReader, say: Say) -> None:
        named: set[tuple[str, str]] = set()
        while line := await reader.readline():
            for key, value in json.loads(line).items():
                if key == "entry":
                    self._tables.put(*value)
                    named.add((value[0], value[1]))
                elif key == "complete":
                    self._tables.keep_only(named)
                    await self._complete(say)
                elif key in self.learners:
                    self.learners[key](value)


async def _until_gone(telling: Awaitable[None]) -> None:
    with contextlib.suppress(OSError):
        await telling


async def connect_to(
    path: Path, hello: Mapping[str, Any], listener: socket.socket | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the feed's socket at `path`, in its terms. Raises OSError."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        with short_name(path) as name:
            connection.connect(name)
        socket.send_fds(connection, [b"\n"], [listener.fileno()] if listener is not None else [])
        connection.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=LONGEST_LINE)
    except BaseException:
        connection.close()
        raise
    writer.write(json.dumps({"hello": hello}).encode() + b"\n")
    return reader, writer
