"""A client's connection of HTTP/2: each of its streams is a request like any other."""

import asyncio
from collections.abc import Callable

from homeport.gateway.http2.stream import ClientStream
from homeport.gateway.http2.talk import TalkStream
from homeport.http1.connections import Connections
from homeport.http1.errors import ProtocolError
from homeport.http1.exchange import Exchange
from homeport.http1.head import RequestHead
from homeport.http1.limits import Timeouts
from homeport.http2.endpoint import Endpoint
from homeport.http2.errors import NO_ERROR
from homeport.http2.header_block import Block, Kind
from homeport.http2.stream import Stream
from homeport.http2.terms import CLIENT

ExchangeFactory = Callable[[ClientStream, RequestHead, int], Exchange]
# A refused message to (header block, body).
ErrorRenderer = Callable[[ProtocolError], tuple[bytes, bytes]]


class Http2Connection(Endpoint):
    def __init__(
        self, factory: ExchangeFactory, render: ErrorRenderer, timeouts: Timeouts, connections: Connections
    ) -> None:
        super().__init__(on_stream=self._begin, terms=CLIENT)
        self.factory = factory
        self.render = render
        self._timeouts = timeouts
        self._connections = connections
        self._streams: set[ClientStream] = set()
        self._stopping = False
        # Since when there is no stream, and since when the transport takes nothing more.
        self._idle_since = self.loop_time()
        self._blocked_since: float | None = None

    # ---- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        self._blocked_since = self.loop_time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._blocked_since = None
        super().resume_writing()

    # ---- the server's side

    def stop(self) -> None:
        self._stopping = True
        self.connection.leave(NO_ERROR, "the gateway stops")
        self._close_if_done()

    def close_after_next(self) -> None:
        """A request that is on its way is above those that GOAWAY names: its client sends it again elsewhere."""
        if not self._stopping:
            self.stop()

    def break_off(self) -> None:
        self.abort()

    def check(self, now: float) -> None:
        limits = self._timeouts
        if self._blocked_since is not None and now - self._blocked_since > limits.write:
            self.break_off()
        elif self._streams:
            for stream in list(self._streams):
                stream.check(now, limits)
        elif now - self._idle_since > limits.idle:
            self.close(NO_ERROR, "nothing was asked for long")

    # ---- the streams' side

    def ended(self, stream: ClientStream) -> None:
        self._streams.discard(stream)
        if not self._streams:
            self._idle_since = self.loop_time()
            self._close_if_done()

    def loop_time(self) -> float:
        return self._loop.time()

    # ----

    def _begin(self, stream: Stream, headers: Block, last: bool) -> None:
        request = (TalkStream if headers.kind is Kind.TALK else ClientStream)(self, stream)
        self._streams.add(request)
        request.begin(headers, last)

    def _close_if_done(self) -> None:
        if self._stopping and not self._streams:
            # What was answered last is still on its way out.
            self._loop.call_soon(self.close, NO_ERROR, "the gateway stops")
