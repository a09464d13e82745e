"""The chunked body of a request, as llhttp reads it. No I/O."""

import httptools

from homeport.http1.errors import ProtocolError
from homeport.http1.head import Fields
from homeport.http1.limits import MAX_CHUNK_OVERHEAD

_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


class ChunkedBody:
    def __init__(self) -> None:
        self.complete = False
        # What stands behind it.
        self.trailers: Fields = []
        self._data: list[bytes] = []
        self._overhead = 0
        self._begun = False
        self._in_body = False
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(_HEAD)

    def feed(self, data: bytes) -> bytes:
        """The bytes of the body in `data`, in one piece. Raises ProtocolError(400)."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, ProtocolError):
                raise error.__context__ from None
            raise
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise ProtocolError(400, f"malformed HTTP: {error}") from None
        body = self._data[0] if len(self._data) == 1 else b"".join(self._data)
        self._data.clear()
        if body or self.complete:
            self._overhead = 0
        else:
            self._overhead += len(data)
            if self._overhead > MAX_CHUNK_OVERHEAD:
                raise ProtocolError(400, "the chunked body has too much that is no data")
        return body

    # ---- called by httptools

    def on_message_begin(self) -> None:
        if self._begun:
            raise ProtocolError(400, "data follows a chunked request before its answer", "do not pipeline after one")
        self._begun = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:
            self.trailers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._in_body = True

    def on_body(self, data: bytes) -> None:
        self._data.append(data)

    def on_message_complete(self) -> None:
        self.complete = True
