"""The server side: one connection is one asyncio Protocol that hands its requests over one after the other."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import cast

from homeport.http1.connections import Connections
from homeport.http1.errors import ProtocolError
from homeport.http1.exchange import Exchange
from homeport.http1.head import NO_BODY, UNKNOWN, RequestHead
from homeport.http1.known_heads import KnownHeads
from homeport.http1.limits import MAX_HEAD, Timeouts
from homeport.http1.request_reader import RequestReader
from homeport.http1.status import BODILESS, SWITCHING, status_line
from homeport.http1.turn_writer import TurnWriter

# An answered request's remaining body is read and dropped up to here; over that the connection is closed.
_DRAINABLE = 64 * 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_SWITCHED = b"connection: upgrade\r\nupgrade: websocket\r\n\r\n"

ExchangeFactory = Callable[["ServerConnection", RequestHead, int], Exchange]
# A refused message to (header block, body).
ErrorRenderer = Callable[[ProtocolError], tuple[bytes, bytes]]


class ServerConnection(asyncio.Protocol):
    """Made by HttpServer. The exchange of the moment calls the send methods."""

    def __init__(
        self,
        factory: ExchangeFactory,
        render: ErrorRenderer,
        timeouts: Timeouts,
        connections: Connections,
        writer: TurnWriter,
        known: KnownHeads[RequestHead],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._factory = factory
        self._render = render
        self._timeouts = timeouts
        self._connections = connections
        self._writer = writer
        self._loop = loop
        self._reader = RequestReader(self, known)
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._head: RequestHead | None = None
        self._head_sent = False
        # What the announced length leaves to send; UNKNOWN without one.
        self._left = 0
        self._chunked = False
        self._trailers = b""
        self._switched = False
        self._close_after = False
        self._closing_since: float | None = None
        # The reader is at work: it must not be called again from inside.
        self._feeding = False
        self._next_due = False
        self._reading = True
        self._wants_body = True
        self._heard_at = self._head_since = loop.time()
        self._blocked_since = 0.0
        self.write_paused = False

    # ---- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._connections.discard(self)
        self._disconnect()

    def eof_received(self) -> bool:
        if self._switched and self._exchange is not None and self._transport is not None:
            self._exchange.on_body(b"", True)
            return self._transport.can_write_eof()
        # A client that only stops sending looks the same as one that is gone: take it as gone.
        self._disconnect()
        return False

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        if self._closing_since is not None:
            return
        if self._exchange is None and not self._reader.buffered:
            self._head_since = self._heard_at
        self._feeding = True
        try:
            self._reader.feed(data)
            while self._next_due:
                self._next_due = False
                self._reader.next()
        except ProtocolError as error:
            self._refuse(error)
        finally:
            self._feeding = False
        if self._reader.buffered:
            self._update_reading()

    def pause_writing(self) -> None:
        self.write_paused = True
        self._blocked_since = self._loop.time()

    def resume_writing(self) -> None:
        self.write_paused = False
        if self._exchange is not None:
            self._exchange.on_writable()

    # ---- the reader's sink

    def on_request(self, head: RequestHead, length: int) -> None:
        self._head = head
        self._head_sent = False
        self._wants_body = True
        self._close_after = self._close_after or not head.keep_alive
        exchange = self._exchange = self._factory(self, head, length)
        exchange.on_request()
        if head.expects_continue and self._exchange is exchange and length != NO_BODY and self._transport:
            self._writer.write(self._transport, _CONTINUE)

    def on_body(self, data: bytes, last: bool) -> None:
        if self._exchange is not None:
            self._exchange.on_body(data, last)
        elif last and self._closing_since is None:
            self._next_due = True

    def on_trailers(self, block: bytes) -> None:
        if self._exchange is not None:
            self._exchange.on_trailers(block)

    # ---- the exchange's side

    def peer_address(self) -> str:
        """Empty once the connection is gone."""
        peer = self._transport.get_extra_info("peername") if self._transport is not None else None
        return str(peer[0]) if peer else ""

    @property
    def is_tls(self) -> bool:
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is not None

    def want_body(self, wanted: bool) -> None:
        """Backpressure: while unwanted, nothing more of the request's body is read (one read may still come)."""
        if wanted is not self._wants_body:
            self._wants_body = wanted
            self._update_reading()

    def send_head(self, status: int, block: bytes, length: int) -> None:
        """`length` of the body in bytes or UNKNOWN. `block` holds header lines without framing."""
        head, transport = self._head, self._transport
        if head is None or transport is None:
            return
        if not self._reader.complete and not 0 <= self._reader.missing <= _DRAINABLE:
            self._close_after = True
        self._head_sent = True
        self._chunked = False
        self._left = length
        if status in BODILESS or status < 200:
            framing = b""
            self._left = 0
        elif length != UNKNOWN:
            framing = b"content-length: %d\r\n" % length
        elif head.is_http_10:
            framing = b""
            self._close_after = True
        else:
            framing = b"transfer-encoding: chunked\r\n"
            self._chunked = head.method != b"HEAD"
        if head.method == b"HEAD":
            self._left = 0
        ending = b"\r\n"
        if self._close_after:
            ending = b"connection: close\r\n\r\n"
        elif head.is_http_10:
            ending = b"connection: keep-alive\r\n\r\n"
        self._writer.write(transport, b"".join((status_line(status), block, framing, ending)))

    def switch_protocols(self, block: bytes) -> None:
        """Answers 101 to a head with `upgrade`: what comes from now on is its body, and send_body sends as it is."""
        exchange, transport = self._exchange, self._transport
        if exchange is None or transport is None:
            return
        self._head_sent = self._switched = self._close_after = True
        self._left = UNKNOWN
        self._writer.write(transport, b"".join((status_line(SWITCHING), block, _SWITCHED)))
        early = self._reader.pass_through()
        if early:
            exchange.on_body(early, False)
        self._update_reading()

    def send_body(self, data: bytes, last: bool) -> None:
        """A body that breaks the announced length breaks the connection: no client may take it for whole."""
        transport = self._transport
        if transport is None:
            return
        if self._chunked:
            if data:
                ending = b"\r\n0\r\n\r\n" if last else b"\r\n"
                self._writer.write(transport, b"".join((b"%x\r\n" % len(data), data, ending)))
            elif last:
                self._writer.write(transport, b"0\r\n%b\r\n" % self._trailers)
                self._trailers = b""
        elif self._left == UNKNOWN:
            self._writer.write(transport, data)
        elif self._head is not None and self._head.method == b"HEAD":
            pass
        else:
            self._left -= len(data)
            if data and self._left >= 0:
                self._writer.write(transport, data)
            if self._left < 0 or (last and self._left):
                self.cut()
                return
        if last:
            self._answered()

    def send_trailers(self, block: bytes) -> None:
        """Header lines that follow the body, for a client that takes them: send_body(b"", True) comes next."""
        if self._chunked and self._head is not None and self._head.takes_trailers:
            self._trailers = block

    def abort(self) -> None:
        """Breaks the connection off, so that the client sees that the answer is not whole."""
        self._exchange = None
        if self._transport is not None:
            self._transport.abort()

    def cut(self) -> None:
        """Ends an answer early, after what was sent of it; the client can tell that it is not whole."""
        self._exchange = None
        if self._transport is None:
            return
        if self._left == UNKNOWN and not self._chunked:
            # Such a body ends with the connection: only a reset tells.
            self._transport.abort()
        else:
            self._closing_since = self._loop.time()
            self._writer.flush(self._transport)
            self._transport.close()

    @property
    def answering(self) -> bool:
        """The head of the answer is out: no other answer can be given."""
        return self._head_sent

    # ---- the server's side

    def stop(self) -> None:
        """No further requests; the one of the moment is answered."""
        self._close_after = True
        if self._exchange is None and self._closing_since is None:
            self._close()

    def close_after_next(self) -> None:
        """An answer whose head is out has told the client that the connection stays."""
        if self._exchange is None or not self._head_sent:
            self._close_after = True

    def break_off(self) -> None:
        self._disconnect()
        if self._transport is not None:
            self._transport.abort()

    def check(self, now: float) -> None:
        """Ends what takes too long. Called about every second."""
        limits = self._timeouts
        if self._closing_since is not None:
            unsent = self._transport.get_write_buffer_size() if self._transport is not None else 0
            if now - self._closing_since > (limits.write if unsent else limits.linger):
                self.break_off()
        elif self.write_paused:
            if now - self._blocked_since > limits.write:
                self.break_off()
        elif self._exchange is not None:
            # Whoever is being answered already may talk when it likes.
            waits = self._reading and not self._reader.complete and not self._head_sent
            if waits and now - self._heard_at > limits.body:
                self._exchange.on_body_timeout()
        elif self._reader.buffered:
            if now - self._head_since > limits.head:
                self._refuse(ProtocolError(408, f"the request's head did not arrive within {limits.head:g} s"))
        elif now - self._heard_at > (limits.body if self._reader.missing else limits.idle):
            self.break_off()

    # ----

    def _answered(self) -> None:
        self._exchange = None
        if self._close_after:
            self._close()
        elif self._reader.complete:
            if self._feeding or self._reader.buffered:
                self._next_due = True
            else:
                self._reader.next()
        if not self._feeding and self._next_due:
            self.data_received(b"")
        if not self._reading:
            self._update_reading()

    def _refuse(self, error: ProtocolError) -> None:
        transport = self._transport
        if transport is None:
            return
        if self._exchange is not None:
            self._disconnect()
            if self._head_sent:
                transport.abort()
                return
        block, body = self._render(error)
        head = b"%b%bcontent-length: %d\r\nconnection: close\r\n\r\n" % (status_line(error.status), block, len(body))
        self._writer.write(transport, head + body)
        self._linger()

    def _close(self) -> None:
        if self._transport is None:
            return
        nothing_comes = self._reader.complete and not self._reader.buffered
        if nothing_comes or (self._switched and not self._transport.can_write_eof()):
            self._closing_since = self._loop.time()
            self._writer.flush(self._transport)
            self._transport.close()
        else:
            self._linger()

    def _linger(self) -> None:
        """Closing with unread bytes would send a reset, which may overtake the answer."""
        self._closing_since = self._loop.time()
        if self._transport is not None and self._transport.can_write_eof():
            self._writer.flush(self._transport)
            # Who is gone already needs no end.
            with contextlib.suppress(OSError):
                self._transport.write_eof()
        self._update_reading()

    def _disconnect(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.on_disconnect()

    def _update_reading(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        reading = self._closing_since is not None or (
            (self._wants_body or self._exchange is None) and len(self._reader.buffered) <= MAX_HEAD
        )
        if reading is not self._reading:
            self._reading = reading
            if reading:
                transport.resume_reading()
            else:
                transport.pause_reading()
