"""A connection of which nobody knows yet which HTTP it speaks: the first bytes say it, or TLS has settled it."""

import asyncio
from collections.abc import Callable
from typing import cast

from homeport.http1.connections import Connections
from homeport.http1.limits import Timeouts

# As HTTP/2 begins (RFC 9113 section 3.4); no request of HTTP/1.1 does.
_PREFACE = b"PRI * HTTP/2.0\r\n"
_ALPN_HTTP2 = "h2"


class FirstBytes(asyncio.Protocol):
    """Hands the connection over to what `http1` or `http2` makes, with what has come."""

    def __init__(
        self,
        http1: Callable[[], asyncio.Protocol],
        http2: Callable[[], asyncio.Protocol],
        connections: Connections,
        timeouts: Timeouts,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._http1 = http1
        self._http2 = http2
        self._connections = connections
        self._timeouts = timeouts
        self._loop = loop
        self._gives_up_at = loop.time() + timeouts.idle
        self._transport: asyncio.Transport | None = None
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        tls = transport.get_extra_info("ssl_object")
        if tls is None:
            self._connections.add(self)
        else:
            self._hand_over(self._http2 if tls.selected_alpn_protocol() == _ALPN_HTTP2 else self._http1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        began = not self._seen
        seen = self._seen = self._seen + data
        if seen.startswith(_PREFACE):
            self._hand_over(self._http2)
        elif not _PREFACE.startswith(seen):
            self._hand_over(self._http1)
        elif began:
            self._gives_up_at = self._loop.time() + self._timeouts.head

    def stop(self) -> None:
        self.break_off()

    def close_after_next(self) -> None:
        """That is for whom it is handed over to."""

    def break_off(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def check(self, now: float) -> None:
        if now > self._gives_up_at:
            self.break_off()

    def _hand_over(self, make: Callable[[], asyncio.Protocol]) -> None:
        transport, self._transport = self._transport, None
        self._connections.discard(self)
        if transport is None:
            return
        protocol = make()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._seen:
            protocol.data_received(self._seen)
