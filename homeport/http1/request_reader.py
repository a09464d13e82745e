"""Bytes of a client into requests, one at a time. No I/O."""

import re
from typing import Protocol

import httptools

from homeport.http1.errors import ProtocolError
from homeport.http1.head import UNKNOWN, Fields, RequestHead, check_count, request_head
from homeport.http1.limits import MAX_CHUNK_OVERHEAD, MAX_HEAD
from homeport.http1.target import check_target

_CONTROLS = bytes(byte for byte in (*range(32), 127) if byte not in b"\t\r\n")
_VERSION = re.compile(rb"[A-Z]+ [^ ]+ HTTP/\d\.\d\r\n")


class RequestSink(Protocol):
    def on_request(self, head: RequestHead) -> None: ...

    def on_body(self, data: bytes, last: bool) -> None:
        """Not called for requests without a body; `last` comes once, with or without data."""


# States; plain numbers because an Enum's members are slow to name.
_HEAD = 0
_LENGTH = 1
_CHUNKED = 2
# The request is complete: nothing is read until next().
_DONE = 3


class RequestReader:
    """Feed it what arrives. After a complete request it keeps the rest and waits for next()."""

    __slots__ = (
        "_body",
        "_body_ended",
        "_head",
        "_headers",
        "_overhead",
        "_parser",
        "_remaining",
        "_sink",
        "_state",
        "buffered",
    )

    def __init__(self, sink: RequestSink) -> None:
        self._sink = sink
        self._parser = httptools.HttpRequestParser(self)
        self._state = _HEAD
        # What has arrived and cannot be read yet: an unfinished head, or the next request.
        self.buffered = b""
        self._headers: Fields = []
        self._head: RequestHead | None = None
        self._remaining = 0
        self._body: list[bytes] = []
        self._body_ended = False
        self._overhead = 0

    @property
    def complete(self) -> bool:
        return self._state == _DONE

    @property
    def missing(self) -> int:
        """Bytes of the body still to come; UNKNOWN while it is chunked."""
        return UNKNOWN if self._state == _CHUNKED else self._remaining

    def next(self) -> None:
        """Goes on with the next request, perhaps already here. Raises ProtocolError."""
        self._state = _HEAD
        data, self.buffered = self.buffered, b""
        if data:
            self.feed(data)

    def feed(self, data: bytes) -> None:
        """Raises ProtocolError; then the connection is beyond use."""
        if self._state == _HEAD:
            data = self._feed_head(self.buffered + data if self.buffered else data)
            if not data:
                return
        if self._state == _LENGTH:
            data = self._feed_length(data)
        elif self._state == _CHUNKED:
            self._feed_chunked(data)
            return
        if data:
            self.buffered += data

    def _feed_head(self, data: bytes) -> bytes:
        """Returns what follows the head."""
        if data.startswith(b"\r\n"):
            data = data[2:]
        end = data.find(b"\r\n\r\n") + 4
        if end == 3 or end > MAX_HEAD:
            if len(data) > MAX_HEAD:
                raise ProtocolError(431, f"the header section is over {MAX_HEAD} bytes", "send shorter headers")
            if not _is_clean(data.removesuffix(b"\r")):
                raise ProtocolError(400, "the request is not HTTP/1.1")
            self.buffered = data
            return b""
        self.buffered = b""
        raw = data[:end] if end < len(data) else data
        if not _is_clean(raw) or _VERSION.match(raw) is None:
            raise ProtocolError(400, "the request head is malformed")
        self._headers = []
        self._head = None
        self._parse(raw)
        if self._head is None:
            raise ProtocolError(400, "the request head is malformed")
        # Only now: what the sink does may lead back here, and the parser cannot be entered twice.
        self._sink.on_request(self._head)
        return data[end:]

    def _feed_length(self, data: bytes) -> bytes:
        rest = b""
        if len(data) > self._remaining:
            rest = data[self._remaining :]
            data = data[: self._remaining]
        self._remaining -= len(data)
        self._parse(data)
        self._body.clear()
        if self._remaining == 0:
            self._state = _DONE
        self._sink.on_body(data, self._remaining == 0)
        return rest

    def _feed_chunked(self, data: bytes) -> None:
        self._parse(data)
        if self._body or self._body_ended:
            self._overhead = 0
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._body.clear()
            if self._body_ended:
                self._state = _DONE
            self._sink.on_body(body, self._body_ended)
            return
        self._overhead += len(data)
        if self._overhead > MAX_CHUNK_OVERHEAD:
            raise ProtocolError(400, "the chunked body has too much that is no data")

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, ProtocolError):
                raise error.__context__ from None
            raise
        except httptools.HttpParserInvalidMethodError:
            raise ProtocolError(501, "the method is not served") from None
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise ProtocolError(400, f"malformed HTTP: {error}") from None

    # ---- called by httptools

    def on_message_begin(self) -> None:
        if self._state != _HEAD:
            raise ProtocolError(400, "data follows a chunked request before its answer", "do not pipeline after one")

    def on_url(self, url: bytes) -> None:
        self._headers.append((b"", url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        (_, target), *headers = self._headers
        check_count(headers, 431)
        path = check_target(target)
        parser = self._parser
        head = self._head = request_head(parser.get_method(), target, path, parser.get_http_version(), headers)
        self._overhead = 0
        self._body_ended = False
        if head.length == UNKNOWN:
            self._state = _CHUNKED
        elif head.length > 0:
            self._state = _LENGTH
            self._remaining = head.length
        else:
            self._state = _DONE

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        self._body_ended = True


def _is_clean(head: bytes) -> bool:
    """No control characters, CR or LF on their own, or continuation lines. llhttp refuses most of these itself;
    looking at the raw bytes first keeps the answer the same whatever its version tolerates.
    """
    lines = head.count(b"\r\n")
    return (
        head.count(b"\n") == lines == head.count(b"\r")
        and len(head.translate(None, _CONTROLS)) == len(head)
        and b"\n " not in head
        and b"\n\t" not in head
    )
