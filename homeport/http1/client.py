"""The client side: connections to model servers on loopback, kept alive and used again."""

import asyncio
import contextlib
import select
from collections import deque
from collections.abc import Callable
from typing import Protocol, cast

from homeport.http1.errors import ProtocolError
from homeport.http1.head import ResponseHead
from homeport.http1.known_heads import KnownHeads
from homeport.http1.response_reader import ResponseReader
from homeport.http1.turn_writer import TurnWriter

_IDLE_SECONDS = 60.0
_IDLE_CONNECTIONS = 1024
_CONNECT_SECONDS = 5.0


class ClientSink(Protocol):
    """The request that uses a connection."""

    def on_response(self, head: ResponseHead, length: int, last: bool) -> None:
        """`length` of the body in bytes or UNKNOWN; `last`: there is none."""

    def on_response_body(self, data: bytes, last: bool) -> None: ...

    def on_response_trailers(self, block: bytes) -> None:
        """The end of the body, with header lines behind it."""

    def on_upstream_lost(self, reason: str) -> None:
        """The answer is not, or not wholly, here and will not come."""

    def on_upstream_writable(self) -> None: ...


class ClientConnection(asyncio.Protocol):
    """Busy with one request at a time; made and kept by a ClientPool."""

    def __init__(self, pool: "ClientPool") -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._reader = ResponseReader(pool.known)
        self._sink: ClientSink | None = None
        self._poll = select.poll()
        self._sent = True
        self._reading = True
        self.write_paused = False
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._pool.forget(self)
        self._fail(f"the model server closed the connection{f' ({exc})' if exc else ''}")

    def eof_received(self) -> bool:
        if self._sink is not None:
            try:
                self._reader.eof()
            except ProtocolError as error:
                self._fail(error.message)
        return False

    def data_received(self, data: bytes) -> None:
        if self._sink is None:
            self.abort()
            return
        try:
            self._reader.feed(data)
        except ProtocolError as error:
            self._fail(error.message)
            self.abort()

    def pause_writing(self) -> None:
        self.write_paused = True

    def resume_writing(self) -> None:
        self.write_paused = False
        if self._sink is not None:
            self._sink.on_upstream_writable()

    # ---- the request's side

    def is_usable(self) -> bool:
        """False when the model server has closed it meanwhile, even if the loop has not yet heard."""
        return self._transport is not None and not self._transport.is_closing() and not self._poll.poll(0)

    def begin(self, sink: ClientSink, head: bytes, head_only: bool, body_follows: bool) -> None:
        """Sends a request's head, complete with the empty line."""
        self._sink = sink
        self._sent = not body_follows
        self._reader.expect(self, head_only)
        if self._transport is not None:
            self._pool.writer.write(self._transport, head)

    def begin_upgrade(self, sink: ClientSink, head: bytes) -> None:
        """The same for one that asks for a WebSocket: after 101 both sides send what they like. Never used again."""
        self._reader.allow_switch()
        self.begin(sink, head, head_only=False, body_follows=True)

    def send(self, data: bytes, last: bool) -> None:
        """Bytes of the body as they go on the wire."""
        self._sent = last
        if data and self._transport is not None:
            self._pool.writer.write(self._transport, data)

    def finish(self) -> None:
        """Of a WebSocket: nothing more is sent, what comes is still read."""
        if self._transport is not None and not self._transport.is_closing() and self._transport.can_write_eof():
            self._pool.writer.flush(self._transport)
            # Who is gone already needs no end.
            with contextlib.suppress(OSError):
                self._transport.write_eof()

    def hand_over(self, sink: ClientSink) -> None:
        """To whom the rest of the answer goes, after the whole request has been sent."""
        self._sink = sink

    @property
    def has_sent(self) -> bool:
        """All of the request."""
        return self._sent

    def want_response(self, wanted: bool) -> None:
        if wanted is not self._reading and self._transport is not None:
            self._reading = wanted
            if wanted:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def abort(self) -> None:
        """Ends the request by closing the connection: all that HTTP/1.1 has to cancel one."""
        self._sink = None
        if self._transport is not None:
            self._transport.abort()

    # ---- the reader's sink

    def on_response(self, head: ResponseHead, length: int, last: bool) -> None:
        sink = self._sink
        if last:
            self._release()
        if sink is not None:
            sink.on_response(head, length, last)

    def on_response_body(self, data: bytes, last: bool) -> None:
        sink = self._sink
        if last:
            self._release()
        if sink is not None:
            sink.on_response_body(data, last)

    def on_response_trailers(self, block: bytes) -> None:
        sink = self._sink
        self._release()
        if sink is not None:
            sink.on_response_trailers(block)

    def _release(self) -> None:
        self._sink = None
        if self._sent and self._reader.reusable and self._reading:
            self._pool.give_back(self)
        elif self._transport is not None:
            self._transport.close()

    def _fail(self, reason: str) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.on_upstream_lost(reason)


class Connecting:
    """A connection on its way. cancel() when nobody wants it any more."""

    def __init__(
        self, pool: "ClientPool", done: Callable[[ClientConnection], None], failed: Callable[[str], None]
    ) -> None:
        self._pool = pool
        self._done = done
        self._failed = failed
        self._task = asyncio.get_running_loop().create_task(self._connect())

    def cancel(self) -> None:
        self._task.cancel()

    async def _connect(self) -> None:
        pool = self._pool
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: ClientConnection(pool), pool.host, pool.port
                )
        except TimeoutError:
            self._failed(f"{pool.host}:{pool.port} does not answer")
        except OSError as error:
            self._failed(f"cannot connect to {pool.host}:{pool.port}: {error.strerror or error}")
        else:
            self._done(connection)


class ClientPool:
    """Idle connections to one address. The one used last is used first, so that a surplus can age out."""

    def __init__(self, host: str, port: int, monotonic: Callable[[], float]) -> None:
        self.host = host
        self.port = port
        self._monotonic = monotonic
        self.writer = TurnWriter(asyncio.get_running_loop())
        self.known: KnownHeads[ResponseHead] = KnownHeads()
        self._idle: deque[ClientConnection] = deque()
        self._closed = False

    def take(self) -> ClientConnection | None:
        """An idle connection that is still good, or None: then connect()."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable():
                return connection
            connection.abort()
        return None

    def connect(self, done: Callable[[ClientConnection], None], failed: Callable[[str], None]) -> Connecting:
        return Connecting(self, done, failed)

    def give_back(self, connection: ClientConnection) -> None:
        if self._closed or len(self._idle) >= _IDLE_CONNECTIONS:
            connection.abort()
            return
        connection.idle_since = self._monotonic()
        self._idle.append(connection)

    def forget(self, connection: ClientConnection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)

    def prune(self) -> None:
        """Closes what has been idle for long."""
        limit = self._monotonic() - _IDLE_SECONDS
        while self._idle and self._idle[0].idle_since < limit:
            self._idle.popleft().abort()

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().abort()
