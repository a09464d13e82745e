"""A listening HTTP/1.1 server."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any

from homeport.http1.connections import Connections
from homeport.http1.first_bytes import FirstBytes
from homeport.http1.head import RequestHead
from homeport.http1.known_heads import KnownHeads
from homeport.http1.limits import Timeouts
from homeport.http1.server_connection import ErrorRenderer, ExchangeFactory, ServerConnection
from homeport.http1.turn_writer import TurnWriter

_SWEEP_SECONDS = 1.0
_BACKLOG = 1024
_RETIRE_LOOK_SECONDS = 0.1
# Connections that were accepted before, and are in no list while they shake hands.
_LAST_HANDSHAKES_SECONDS = 3.0


# What a connection that speaks HTTP/2 is handed to. It adds itself to the connections, and leaves them.
Http2Maker = Callable[[Timeouts, Connections], asyncio.Protocol]


class HttpServer:
    """Without `http2` it speaks HTTP/1.1 alone."""

    def __init__(
        self,
        factory: ExchangeFactory,
        render: ErrorRenderer,
        timeouts: Timeouts | None = None,
        http2: Http2Maker | None = None,
    ) -> None:
        self._factory = factory
        self._render = render
        self._http2 = http2
        self._timeouts = timeouts or Timeouts()
        self._connections = Connections()
        self._server: asyncio.Server | None = None
        self._sweep: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Returns the port, which matters when 0 was asked for. Raises OSError when it is taken."""
        server = await self._listen(tls, host=host, port=port)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    async def share(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Takes clients in at a socket that other processes may have, too: whoever is free gets the next one."""
        await self._listen(tls, sock=listener)

    async def _listen(self, tls: ssl.SSLContext | None, **where: Any) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        writer = TurnWriter(loop)
        known: KnownHeads[RequestHead] = KnownHeads()

        def http1() -> ServerConnection:
            return ServerConnection(self._factory, self._render, self._timeouts, self._connections, writer, known, loop)

        def either(http2: Http2Maker) -> FirstBytes:
            timeouts, connections = self._timeouts, self._connections
            return FirstBytes(http1, lambda: http2(timeouts, connections), connections, timeouts, loop)

        http2 = self._http2
        server = self._server = await loop.create_server(
            http1 if http2 is None else lambda: either(http2),
            backlog=_BACKLOG,
            ssl=tls,
            ssl_handshake_timeout=self._timeouts.head if tls else None,
            **where,
        )
        self._sweep = loop.call_later(_SWEEP_SECONDS, self._check, loop)
        return server

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    async def retire(self, longest_seconds: float) -> None:
        """Takes no new connections, and closes each that is open with the next answer on it: no client has a request
        on its way to a connection that is gone. Until there are none, or for so long."""
        if self._server is None:
            return
        self._server.close()
        loop = asyncio.get_running_loop()
        began = loop.time()
        while len(self._connections) or loop.time() - began < _LAST_HANDSHAKES_SECONDS:
            if loop.time() - began > longest_seconds:
                return
            for connection in self._connections:
                connection.close_after_next()
            await asyncio.sleep(_RETIRE_LOOK_SECONDS)

    async def close(self, grace_seconds: float) -> None:
        """Takes nothing new, answers what is open for up to `grace_seconds`, then breaks off the rest."""
        if self._server is None:
            return
        self._server.close()
        for connection in self._connections:
            connection.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self._connections.emptied()
        for connection in self._connections:
            connection.break_off()
        if self._sweep is not None:
            self._sweep.cancel()
        # Lets the transports report their end.
        await asyncio.sleep(0)

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in self._connections:
            connection.check(now)
        self._sweep = loop.call_later(_SWEEP_SECONDS, self._check, loop)
