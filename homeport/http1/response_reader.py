"""Bytes of a model server into one response. No I/O."""

from typing import Protocol

import httptools

from homeport.http1.errors import ProtocolError
from homeport.http1.head import UNKNOWN, Fields, ResponseHead, check_count, response_head
from homeport.http1.known_heads import KnownHeads
from homeport.http1.limits import MAX_CHUNK_OVERHEAD, MAX_HEAD
from homeport.http1.request_parser import is_clean
from homeport.http1.status import BODILESS, SWITCHING
from homeport.http1.trailers import trailer_block

# Of a connection that has become a WebSocket: more than ever comes.
_ENDLESS = 1 << 62


class ResponseSink(Protocol):
    def on_response(self, head: ResponseHead, length: int, last: bool) -> None:
        """`length` as in response_head; `last`: no body follows."""

    def on_response_body(self, data: bytes, last: bool) -> None: ...

    def on_response_trailers(self, block: bytes) -> None:
        """The end of the body, with header lines behind it."""


class ResponseReader:
    """What arrives in one feed() is handed on in one piece: nothing waits, nothing is split needlessly.

    llhttp reads what is new. A head that it has read before, with the length of its body, needs no second reading.
    """

    __slots__ = (
        "_body",
        "_ended",
        "_expecting",
        "_head",
        "_headers",
        "_known",
        "_left",
        "_length",
        "_may_switch",
        "_overhead",
        "_parser",
        "_sink",
        "_skip_body",
        "_trailers",
        "_untouched",
    )

    def __init__(self, known: KnownHeads[ResponseHead]) -> None:
        self._known = known
        self._parser = httptools.HttpResponseParser(self)
        self._sink: ResponseSink | None = None
        self._expecting = False
        self._skip_body = False
        self._may_switch = False
        # Nothing of this response has come.
        self._untouched = True
        self._headers: Fields = []
        # Those behind the body.
        self._trailers: Fields = []
        self._head: ResponseHead | None = None
        self._length = 0
        # Of the body of a response whose head was known; else the parser counts.
        self._left = 0
        self._body: list[bytes] = []
        self._ended = False
        self._overhead = 0

    def expect(self, sink: ResponseSink, head_only: bool) -> None:
        """Readies for one response. `head_only`: it answers a HEAD request, the connection is not reusable after it."""
        self._sink = sink
        self._expecting = True
        self._skip_body = head_only
        self._untouched = True
        self._head = None
        self._ended = False

    def allow_switch(self) -> None:
        """The one response of this connection may be 101: then its body is all that comes."""
        self._may_switch = True

    @property
    def reusable(self) -> bool:
        """The response was complete, and the connection stays open."""
        return self._ended and self._head is not None and self._head.keep_alive and not self._skip_body

    def feed(self, data: bytes) -> None:
        """Raises ProtocolError(502); then the connection is beyond use."""
        if self._left:
            self._feed_counted(data)
        elif self._untouched:
            self._untouched = False
            end = data.find(b"\r\n\r\n")
            raw = data[: end + 4] if end > 0 else b""
            known = self._known.find(raw) if raw and not self._skip_body else None
            if known is not None and self._sink is not None:
                self._feed_known(*known, data[end + 4 :], self._sink)
                return
            self._headers = []
            self._overhead = 0
            self._feed_parser(data)
            self._learn(raw)
        else:
            self._feed_parser(data)

    def eof(self) -> None:
        """The connection has ended: that completes an answer without framing. Raises ProtocolError(502)."""
        head = self._head
        if head is not None and self._length == UNKNOWN and not self._is_chunked and not self._ended:
            self._ended = True
            if self._sink is not None:
                self._expecting = False
                self._sink.on_response_body(b"", True)
        elif not self._ended:
            raise ProtocolError(502, "the model server closed the connection")

    @property
    def _is_chunked(self) -> bool:
        return any(name == b"transfer-encoding" for name, _ in self._headers)

    def _feed_known(self, head: ResponseHead, length: int, body: bytes, sink: ResponseSink) -> None:
        if len(body) > length:
            body = _without_surplus(body, length)
        self._head, self._length, self._left = head, length, length
        self._ended = not length
        self._expecting = not self._ended
        sink.on_response(head, length, self._ended)
        if body:
            self._feed_counted(body)

    def _feed_counted(self, data: bytes) -> None:
        if len(data) > self._left:
            data = _without_surplus(data, self._left)
        self._left -= len(data)
        self._ended = not self._left
        self._expecting = not self._ended
        if self._sink is not None:
            self._sink.on_response_body(data, self._ended)

    def _learn(self, raw: bytes) -> None:
        """Only what two readers could not frame differently, and no interim answer that came before."""
        head = self._head
        if head is None or not head.keep_alive or self._length <= 0 or head.status in BODILESS:
            return
        if raw[9:12] == b"%d" % head.status and is_clean(raw):
            self._known.learn(raw, head, self._length)

    def _is_wanted_switch(self) -> bool:
        to = [value.lower() for name, value in self._headers if name == b"upgrade"]
        return self._may_switch and to == [b"websocket"] and self._length == UNKNOWN and not self._is_chunked

    def _feed_parser(self, data: bytes) -> None:
        known, rest = self._head, b""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, ProtocolError):
                raise error.__context__ from None
            raise
        except httptools.HttpParserUpgrade as switch:
            self._left = _ENDLESS
            data, rest = data[: switch.args[0]], data[switch.args[0] :]
        except httptools.HttpParserError as error:
            if self._head is None or not self._ended:
                raise ProtocolError(502, f"the model server's answer is malformed: {error}") from None
        self._hand_on(known, len(data))
        if rest:
            self._feed_counted(rest)

    def _hand_on(self, known: ResponseHead | None, fed: int) -> None:
        head, sink = self._head, self._sink
        if head is None or sink is None or not self._expecting:
            self._overhead += fed
            if self._overhead > MAX_HEAD:
                raise ProtocolError(502, "the model server's header section is too long")
            return
        ended = self._ended or self._skip_body
        if known is None:
            if fed > MAX_HEAD and sum(len(name) + len(value) for name, value in self._headers) > MAX_HEAD:
                raise ProtocolError(502, "the model server's header section is too long")
            bare = ended and not self._body and not self._trailers
            self._expecting = not bare
            self._ended = ended
            sink.on_response(head, self._length, bare)
            if bare:
                return
        if self._trailers and ended and self._hand_on_trailers(sink):
            return
        if self._body or ended:
            self._overhead = 0
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._body.clear()
            self._expecting = not ended
            sink.on_response_body(body, ended)
            return
        self._overhead += fed
        if self._overhead > MAX_CHUNK_OVERHEAD:
            raise ProtocolError(502, "the model server's chunked body has too much that is no data")

    def _hand_on_trailers(self, sink: ResponseSink) -> bool:
        """False when none of them may go on."""
        trailers, self._trailers = trailer_block(self._trailers), []
        if not trailers:
            return False
        body = b"".join(self._body)
        self._body.clear()
        self._expecting = False
        if body:
            sink.on_response_body(body, False)
        sink.on_response_trailers(trailers)
        return True

    # ---- called by httptools

    def on_message_begin(self) -> None:
        if self._ended or not self._expecting:
            raise _surplus()

    def on_header(self, name: bytes, value: bytes) -> None:
        (self._headers if self._head is None else self._trailers).append((name.lower(), value))

    def on_headers_complete(self) -> None:
        parser = self._parser
        check_count(self._headers, 502)
        status = parser.get_status_code()
        if status < 200 and status != SWITCHING:
            return
        self._head, self._length = response_head(status, parser.get_http_version(), self._headers)
        if status == SWITCHING and not self._is_wanted_switch():
            raise ProtocolError(502, "the model server switched protocols")

    def on_body(self, data: bytes) -> None:
        if not self._skip_body:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self._head is None:  # An interim answer such as 103.
            self._headers = []
        elif self._head.status != SWITCHING:
            self._ended = True


def _without_surplus(body: bytes, length: int) -> bytes:
    """As llhttp has it, line ends behind a body are nothing."""
    if body[length:].strip(b"\r\n"):
        raise _surplus()
    return body[:length]


def _surplus() -> ProtocolError:
    return ProtocolError(502, "the model server sent what nobody asked for")
