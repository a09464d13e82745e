"""Bytes of a client into requests, one at a time. No I/O."""

from typing import Protocol

from homeport.http1.chunked_body import ChunkedBody
from homeport.http1.errors import ProtocolError
from homeport.http1.head import BODILESS_METHODS, NO_BODY, UNKNOWN, RequestHead
from homeport.http1.known_heads import KnownHeads
from homeport.http1.limits import MAX_HEAD
from homeport.http1.request_parser import is_clean, parse_request_head
from homeport.http1.trailers import trailer_block

# Of a connection that has become a WebSocket: more than ever comes.
_ENDLESS = 1 << 62


class RequestSink(Protocol):
    def on_request(self, head: RequestHead, length: int) -> None:
        """`length` as in request_head."""

    def on_body(self, data: bytes, last: bool) -> None:
        """Not called for requests without a body; `last` comes once, with or without data."""

    def on_trailers(self, block: bytes) -> None:
        """Header lines that follow the body: on_body(b"", True) comes next."""


class RequestReader:
    """Feed it what arrives. After a complete request it keeps the rest and waits for next()."""

    __slots__ = ("_chunked", "_in_head", "_known", "_sink", "buffered", "complete", "missing")

    def __init__(self, sink: RequestSink, known: KnownHeads[RequestHead]) -> None:
        self._sink = sink
        self._known = known
        self._in_head = True
        self._chunked: ChunkedBody | None = None
        # What has arrived and cannot be read yet: an unfinished head, or the next request.
        self.buffered = b""
        # The request is here, wholly: nothing is read until next().
        self.complete = False
        # Bytes of the body still to come; UNKNOWN while it is chunked.
        self.missing = 0

    def next(self) -> None:
        """Goes on with the next request, perhaps already here. Raises ProtocolError."""
        self.complete = False
        self._in_head = True
        if self.buffered:
            data, self.buffered = self.buffered, b""
            self.feed(data)

    def pass_through(self) -> bytes:
        """What comes from now on is the body, whatever it is. Returns what is here already."""
        self.complete = False
        self.missing = _ENDLESS
        rest, self.buffered = self.buffered, b""
        return rest

    def feed(self, data: bytes) -> None:
        """Raises ProtocolError; then the connection is beyond use."""
        if self._in_head:
            data = self._feed_head(self.buffered + data if self.buffered else data)
            if not data:
                return
        if self.complete:
            self.buffered += data
        elif self._chunked is not None:
            self._feed_chunked(self._chunked, data)
        else:
            self._feed_length(data)

    def _feed_head(self, data: bytes) -> bytes:
        """Returns what follows the head."""
        if data.startswith(b"\r\n"):
            data = data[2:]
        end = data.find(b"\r\n\r\n") + 4
        if end == 3 or end > MAX_HEAD:
            if len(data) > MAX_HEAD:
                raise ProtocolError(431, f"the header section is over {MAX_HEAD} bytes", "send shorter headers")
            if not is_clean(data.removesuffix(b"\r")):
                raise ProtocolError(400, "the request is not HTTP/1.1")
            self.buffered = data
            return b""
        self.buffered = b""
        raw = data[:end]
        known = self._known.find(raw)
        if known is not None:
            head, length = known
        else:
            head, length = parse_request_head(raw)
            # Whether these may have a body depends on its length; those of WebSockets never come again.
            if not head.upgrade and (length == NO_BODY or head.method not in BODILESS_METHODS):
                self._known.learn(raw, head, length)
        self._in_head = False
        self._chunked = ChunkedBody() if length == UNKNOWN else None
        self.missing = length if length > 0 or length == UNKNOWN else 0
        self.complete = not self.missing
        self._sink.on_request(head, length)
        return data[end:]

    def _feed_length(self, data: bytes) -> None:
        rest = b""
        if len(data) > self.missing:
            rest = data[self.missing :]
            data = data[: self.missing]
        self.missing -= len(data)
        self.complete = not self.missing
        # First, since the sink may go on with the next request at once.
        self.buffered = rest
        self._sink.on_body(data, self.complete)

    def _feed_chunked(self, chunked: ChunkedBody, data: bytes) -> None:
        body = chunked.feed(data)
        if chunked.complete:
            self._chunked = None
            self.missing = 0
            self.complete = True
        trailers = trailer_block(chunked.trailers) if self.complete and chunked.trailers else b""
        if trailers:
            if body:
                self._sink.on_body(body, False)
            self._sink.on_trailers(trailers)
            self._sink.on_body(b"", True)
        elif body or self.complete:
            self._sink.on_body(body, self.complete)
