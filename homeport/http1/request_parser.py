"""One request head, as llhttp reads it and as we allow it. No I/O."""

import re

import httptools

from homeport.http1.errors import ProtocolError
from homeport.http1.head import Fields, RequestHead, check_count, request_head
from homeport.http1.limits import MAX_LINE
from homeport.http1.target import check_target

_CONTROLS = bytes(byte for byte in (*range(32), 127) if byte not in b"\t\r\n")
_VERSION = re.compile(rb"[A-Z]+ [^ ]+ HTTP/\d\.\d\r\n")


def parse_request_head(raw: bytes) -> tuple[RequestHead, int]:
    """(head, length of the body as in request_head) of a head with its empty line. Raises ProtocolError."""
    if not is_clean(raw) or _VERSION.match(raw) is None:
        raise ProtocolError(400, "the request head is malformed")
    if len(raw) > MAX_LINE:
        _check_lines(raw)
    reading = _Reading()
    try:
        reading.parser.feed_data(raw)
    except httptools.HttpParserCallbackError as error:
        if isinstance(error.__context__, ProtocolError):
            raise error.__context__ from None
        raise
    except httptools.HttpParserInvalidMethodError:
        raise ProtocolError(501, "the method is not served") from None
    except httptools.HttpParserUpgrade:
        # Whether that is wanted was decided when the headers were complete.
        pass
    except httptools.HttpParserError as error:
        raise ProtocolError(400, f"malformed HTTP: {error}") from None
    if reading.found is None:
        raise ProtocolError(400, "the request head is malformed")
    return reading.found


def _check_lines(raw: bytes) -> None:
    request, *headers = raw.split(b"\r\n")
    if len(request) > MAX_LINE:
        raise ProtocolError(414, f"the request line is over {MAX_LINE} bytes", "send less in the path and query")
    if any(len(header) > MAX_LINE for header in headers):
        raise ProtocolError(431, f"a header is over {MAX_LINE} bytes", "send shorter headers")


class _Reading:
    """What httptools calls."""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.found: tuple[RequestHead, int] | None = None
        self._target = b""
        self._headers: Fields = []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        check_count(self._headers, 431)
        path = check_target(self._target)
        method, version = self.parser.get_method(), self.parser.get_http_version()
        self.found = request_head(method, self._target, path, version, self._headers)


def is_clean(head: bytes) -> bool:
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
