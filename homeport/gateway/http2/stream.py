"""A request on a stream of HTTP/2, with the face of a connection of HTTP/1.1: what answers it need not know which."""

from typing import TYPE_CHECKING

from homeport.http1.errors import ProtocolError
from homeport.http1.exchange import Exchange
from homeport.http1.head import NO_BODY, UNKNOWN, RequestHead
from homeport.http1.limits import Timeouts
from homeport.http1.over_http2 import fields_of, head_of
from homeport.http1.status import BODILESS
from homeport.http1.trailers import trailer_block
from homeport.http2.errors import CANCEL, INTERNAL_ERROR, NO_ERROR, PROTOCOL_ERROR
from homeport.http2.exchange import Exchange as Http2Exchange
from homeport.http2.header_block import Block, Headers, Kind
from homeport.http2.stream import Stream

if TYPE_CHECKING:
    from homeport.gateway.http2.connection import Http2Connection


class ClientStream(Http2Exchange):
    def __init__(self, connection: "Http2Connection", stream: Stream) -> None:
        super().__init__(connection)
        self.stream = stream
        stream.sink = self
        self._connection = connection
        self._exchange: Exchange | None = None
        self._head: RequestHead | None = None
        self._head_sent = False
        # What announced lengths leave to come, and to send; UNKNOWN without one.
        self._missing = 0
        self._left = 0
        self._wants_body = True
        self._heard_at = self._moved_at = connection.loop_time()

    def begin(self, headers: Block, last: bool) -> None:
        try:
            head, length = _read(headers, last)
        except ProtocolError as error:
            block, body = self._connection.render(error)
            self.send_head(error.status, block, len(body))
            self.send_body(body, True)
            return
        self._head = head
        self._missing = UNKNOWN if length == UNKNOWN else max(0, length)
        exchange = self._exchange = self._connection.factory(self, head, length)
        exchange.on_request()

    def check(self, now: float, limits: Timeouts) -> None:
        if self.moved or not self.has_unsent:
            self.moved = False
            self._moved_at = now
        elif now - self._moved_at > limits.write:
            self._disconnect()
            self.give_up(CANCEL)
            return
        exchange, stream = self._exchange, self.stream
        if exchange is None or stream is None or self._head_sent or exchange.head.upgrade:
            return
        if self._wants_body and not stream.remote_closed and now - self._heard_at > limits.body:
            exchange.on_body_timeout()

    # ---- the exchange's side

    @property
    def answering(self) -> bool:
        return self._head_sent

    def peer_address(self) -> str:
        return self._connection.peer_host

    @property
    def is_tls(self) -> bool:
        return self._connection.is_tls

    def want_body(self, wanted: bool) -> None:
        if wanted is not self._wants_body:
            self._wants_body = wanted
            self._heard_at = self._connection.loop_time()
            self.want(wanted)

    def send_head(self, status: int, block: bytes, length: int) -> None:
        stream = self.stream
        if stream is None:
            return
        self._head_sent = True
        headers = [(b":status", b"%d" % status), *fields_of(block)]
        has_body = status not in BODILESS and (self._head is None or self._head.method != b"HEAD")
        if length > 0 and status not in BODILESS:
            headers.append((b"content-length", b"%d" % length))
        self._left = length
        ends = not has_body or length == 0
        self._connection.connection.send_headers(stream, headers, ends)
        if ends:
            self._answered()
            self.on_sent()

    def send_body(self, data: bytes, last: bool) -> None:
        if self.stream is None:
            return
        if self._left != UNKNOWN:
            self._left -= len(data)
            if self._left < 0 or (last and self._left):
                self.cut()
                return
        self.send(data, last)
        if last:
            self._answered()

    def send_trailers(self, block: bytes) -> None:
        """They go out behind the body: send_body(b"", True) comes next."""
        self.trail(fields_of(block))

    def abort(self) -> None:
        self._exchange = None
        self.give_up(CANCEL)

    def cut(self) -> None:
        self._exchange = None
        self.break_off(INTERNAL_ERROR)

    def give_up(self, code: int) -> None:
        super().give_up(code)
        self._connection.ended(self)

    # ---- the stream's side

    def on_headers(self, headers: Headers, last: bool) -> None:
        """Trailers of the request."""
        block = trailer_block(headers)
        if block and self._exchange is not None:
            self._exchange.on_trailers(block)
        self.on_data(b"", 0, 0, True)

    def on_data(self, buffer: bytes, start: int, end: int, last: bool) -> None:
        self._heard_at = self._connection.loop_time()
        size, exchange = end - start, self._exchange
        if self._missing != UNKNOWN:
            self._missing -= size
            if self._missing < 0 or (last and self._missing):
                self._disconnect()
                self.give_up(PROTOCOL_ERROR)
                return
        if exchange is not None and exchange.length not in (NO_BODY, 0) and (size or last):
            exchange.on_body(buffer[start:end], last)

    def on_reset(self, code: int, reason: str) -> None:
        self.on_lost(reason)

    def on_lost(self, reason: str) -> None:
        self._leave()
        self._disconnect()
        self._connection.ended(self)

    def on_writable(self) -> None:
        if self._exchange is not None:
            self._exchange.on_writable()

    def on_sent(self) -> None:
        stream = self._leave()
        if stream is not None and not stream.remote_closed:
            # It need not go on.
            self._connection.connection.reset(stream, NO_ERROR)
        self._connection.ended(self)

    # ----

    def _answered(self) -> None:
        self._exchange = None

    def _disconnect(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.on_disconnect()


def _read(headers: Block, last: bool) -> tuple[RequestHead, int]:
    """As head_of; what was read before is not read again. Raises ProtocolError."""
    known: tuple[bool, RequestHead, int] | None = headers.meaning
    if known is not None and known[0] is last:
        return known[1], known[2]
    head, length = head_of(headers, last)
    if headers.kind is Kind.REQUEST:
        headers.meaning = (last, head, length)
    return head, length
