"""A connection on the event loop: bytes in and out, one write a turn, and a watch on whether the other end lives."""

import asyncio
import ssl
from typing import Protocol, cast

from homeport.http2.call import ClientCall, ClientTalker
from homeport.http2.connection import Connection, OnStream
from homeport.http2.errors import NO_ERROR, Http2Error
from homeport.http2.header_block import Headers
from homeport.http2.keepalive import Keepalive, Verdict
from homeport.http2.terms import TUNNEL, Terms

# Bytes of messages in one write: more would only wait in the transport, where nothing can be put before them.
_TURN = 256 * 1024
_WRITE_HIGH_WATER = 256 * 1024
# For what is unsent when a connection is closed.
_LINGER_SECONDS = 3.0


class Sender(Protocol):
    """Who has data for a stream."""

    def collect(self, parts: list[bytes | memoryview], budget: int) -> int:
        """Adds frames to what goes out now, about `budget` bytes. Returns how many; less: nothing more can go."""


class Endpoint(asyncio.Protocol):
    """Either end; GrpcServer and dial() make those of tunnels."""

    def __init__(self, authority: bytes = b"", on_stream: OnStream | None = None, terms: Terms = TUNNEL) -> None:
        self.authority = authority
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._flush_due: asyncio.Handle | None = None
        self._transport: asyncio.Transport | None = None
        self._write_paused = False
        self._senders: dict[Sender, None] = {}
        self._keepalive: Keepalive | None = None
        if terms.ask_seconds is not None:
            self._keepalive = Keepalive(now, terms.ask_seconds, terms.answer_seconds)
        self._watch: asyncio.TimerHandle | None = None
        self._closing = False
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self.connection = Connection(on_stream, self._schedule, now, terms)

    # ---- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_WRITE_HIGH_WATER)
        if self._keepalive is not None:
            self._watch = self._loop.call_at(self._keepalive.next_look, self._look, self._keepalive)
        self._schedule()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._watch is not None:
            self._watch.cancel()
        if self._flush_due is not None:
            self._flush_due.cancel()
        self._senders.clear()
        if not self.closed.done():
            self.closed.set_result(None)
        reason = self.connection.going_away or f"the connection is gone{f' ({exc})' if exc else ''}"
        self.connection.lose(reason)

    def data_received(self, data: bytes) -> None:
        now = self._loop.time()
        if self._keepalive is not None:
            self._keepalive.heard_at = now
        if self._closing:
            return
        try:
            self.connection.feed(data, now)
        except Http2Error as error:
            self.connection.lose(error.message)
            self.close(error.code, error.message)

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._schedule()

    # ---- the user's side

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._closing

    @property
    def is_tls(self) -> bool:
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is not None

    @property
    def peer_certificate(self) -> dict[str, object]:
        """As ssl.SSLSocket.getpeercert() gives it."""
        return (self._transport and self._transport.get_extra_info("peercert")) or {}

    @property
    def peer_certificate_pem(self) -> bytes:
        """Empty when the peer has shown none."""
        tls = self._transport.get_extra_info("ssl_object") if self._transport is not None else None
        der = tls.getpeercert(binary_form=True) if tls is not None else None
        return ssl.DER_cert_to_PEM_cert(der).encode() if der else b""

    @property
    def peer_address(self) -> str:
        """As gRPC writes it, `ipv4:192.0.2.1:5000`; empty once the connection is gone."""
        address = self._transport and self._transport.get_extra_info("peername")
        if not address:
            return ""
        host, port = address[:2]
        return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"

    @property
    def peer_host(self) -> str:
        """Its IP address; empty once the connection is gone."""
        address = self._transport and self._transport.get_extra_info("peername")
        return str(address[0]) if address else ""

    def call(self, path: bytes, metadata: Headers, talker: ClientTalker) -> ClientCall:
        """A client's. Raises Http2Error(REFUSED_STREAM)."""
        return ClientCall(self, path, metadata, talker)

    def wake(self, sender: Sender) -> None:
        """It may have something to send: at the end of this turn, with all else that the turn brings."""
        self._senders[sender] = None
        self._schedule()

    def close(self, code: int = NO_ERROR, message: str = "") -> None:
        """Sends what is due, says why, and hangs up."""
        if self._transport is None or self._closing:
            return
        self._closing = True
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._loop.call_later(_LINGER_SECONDS, self.abort)
        self.connection.leave(code, message)
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # ----

    def _schedule(self) -> None:
        if self._flush_due is None and self._transport is not None and not self._write_paused:
            self._flush_due = self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = None
        transport = self._transport
        if transport is None or self._write_paused or transport.is_closing():
            return
        senders, self._senders = self._senders, {}
        left = _TURN
        for sender in senders:
            if left > 0:
                # Header blocks change the state of their compression: all goes out in the order of its making.
                left -= sender.collect(self.connection.out, left)
            if left <= 0:
                # Perhaps there is more: next turn, and the others first.
                self._senders[sender] = None
        data = b"".join(self.connection.take())
        if data:
            if self._keepalive is not None:
                self._keepalive.said_at = self._loop.time()
            transport.write(data)
        if self._senders:
            self._schedule()

    def _look(self, keepalive: Keepalive) -> None:
        verdict = keepalive.judge(self._loop.time())
        if verdict is Verdict.DEAD:
            self.connection.lose("the other end does not answer")
            self.abort()
            return
        if verdict is Verdict.ASK:
            self.connection.ping()
        self._watch = self._loop.call_at(keepalive.next_look, self._look, keepalive)
