"""Heads of requests and responses, and what their headers mean for the framing (RFC 9112)."""

import re
from dataclasses import dataclass

from homeport.http1.errors import ProtocolError
from homeport.http1.limits import MAX_HEADERS

Fields = list[tuple[bytes, bytes]]

# Lengths that are no number of bytes.
NO_BODY = -2
UNKNOWN = -1

_HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    )
)
_FRAMING = frozenset((b"content-length", b"host", b"expect"))
_SPECIAL = _HOP_BY_HOP | _FRAMING
_BODILESS_METHODS = frozenset((b"GET", b"HEAD"))
_REFUSED_METHODS = frozenset((b"CONNECT", b"TRACE", b"PRI"))
_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%-]*(:\d{0,5})?|\[[0-9A-Fa-f:.]+\](:\d{0,5})?")
_DIGITS = re.compile(rb"\d{1,18}")


@dataclass(slots=True)
class RequestHead:
    """`fields` are the end-to-end headers with lower-case names, without Host and the framing.

    `length` is that of the body in bytes, UNKNOWN when it is chunked, NO_BODY when there is none.
    """

    method: bytes
    target: bytes
    path: bytes
    fields: Fields
    host: bytes
    length: int
    keep_alive: bool
    expects_continue: bool
    is_http_10: bool


@dataclass(slots=True)
class ResponseHead:
    """As RequestHead; UNKNOWN covers both chunked bodies and those that end with the connection."""

    status: int
    fields: Fields
    length: int
    keep_alive: bool


def request_head(method: bytes, target: bytes, path: bytes, version: str, headers: Fields) -> RequestHead:
    """Reads the framing and drops what is for this hop only. Raises ProtocolError(400, 417, 501, 505)."""
    if version not in ("1.1", "1.0"):
        raise ProtocolError(505, f"HTTP/{version} is not spoken here", "use HTTP/1.1")
    if method in _REFUSED_METHODS:
        raise ProtocolError(501, f"method {method.decode('latin-1')} is not served")
    special = [field for field in headers if field[0] in _SPECIAL]
    host = _single(special, b"host")
    if host is None and version == "1.1":
        raise ProtocolError(400, "the Host header is missing")
    if host is not None and _HOST.fullmatch(host) is None:
        raise ProtocolError(400, "the Host header is not a host with an optional port")
    if len(special) == 1:  # Only Host: the usual GET.
        return RequestHead(method, target, path, _end_to_end(headers, ()), host or b"", NO_BODY, True, False, False)
    _refuse_upgrade(special)
    length = _request_length(method, version, special)
    expect = _single(special, b"expect")
    if expect is not None and expect.lower() != b"100-continue":
        raise ProtocolError(417, "only 'Expect: 100-continue' is understood")
    options = _connection_options(special)
    keep_alive = b"close" not in options and (version == "1.1" or b"keep-alive" in options)
    return RequestHead(
        method,
        target,
        path,
        _end_to_end(headers, options),
        host or b"",
        length,
        keep_alive,
        expect is not None and version == "1.1",
        version == "1.0",
    )


def response_head(status: int, version: str, headers: Fields) -> ResponseHead:
    """Raises ProtocolError(502)."""
    special = [field for field in headers if field[0] in _SPECIAL]
    options = _connection_options(special)
    lengths = {value for name, value in special if name == b"content-length"}
    codings = [value.lower() for name, value in special if name == b"transfer-encoding"]
    if len(lengths) > 1 or (lengths and codings):
        raise ProtocolError(502, "the answer's framing is ambiguous")
    if codings and codings != [b"chunked"]:
        raise ProtocolError(502, "the answer has an unknown transfer coding")
    length = int(lengths.pop()) if lengths else UNKNOWN
    keep_alive = b"close" not in options and (version == "1.1" or b"keep-alive" in options)
    if not codings and length == UNKNOWN:
        keep_alive = keep_alive and (status in (204, 304))
    return ResponseHead(status, _end_to_end(headers, options), length, keep_alive)


def block(fields: Fields) -> bytes:
    """Header lines as they stand on the wire, without the empty line."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])


def check_count(headers: Fields, status: int) -> None:
    if len(headers) > MAX_HEADERS:
        raise ProtocolError(status, f"more than {MAX_HEADERS} headers")


def _single(special: Fields, wanted: bytes) -> bytes | None:
    values = [value for name, value in special if name == wanted]
    if len(values) > 1:
        raise ProtocolError(400, f"header {wanted.decode()} is given twice")
    return values[0] if values else None


def _request_length(method: bytes, version: str, special: Fields) -> int:
    coding = _single(special, b"transfer-encoding")
    length = _single(special, b"content-length")
    if coding is not None:
        if length is not None:
            raise ProtocolError(400, "both Content-Length and Transfer-Encoding are given")
        if version == "1.0":
            raise ProtocolError(400, "HTTP/1.0 knows no Transfer-Encoding")
        if coding.lower() != b"chunked":
            raise ProtocolError(400, "the only transfer coding understood is 'chunked'")
        size = UNKNOWN
    elif length is None:
        return NO_BODY
    elif _DIGITS.fullmatch(length) is None:
        raise ProtocolError(400, "Content-Length is not a number of bytes")
    else:
        size = int(length)
    if size and method in _BODILESS_METHODS:
        raise ProtocolError(400, f"a {method.decode()} request must not have a body")
    return size


def _refuse_upgrade(special: Fields) -> None:
    for name, value in special:
        if name == b"http2-settings" or (name == b"upgrade" and b"h2c" in value.lower()):
            raise ProtocolError(400, "upgrading to h2c is not possible", "speak HTTP/1.1")
        if name == b"upgrade":
            raise ProtocolError(501, "upgrading the connection is not possible", "speak HTTP/1.1")


def _connection_options(special: Fields) -> tuple[bytes, ...]:
    return tuple(
        option.strip().lower() for name, value in special if name == b"connection" for option in value.split(b",")
    )


def _end_to_end(headers: Fields, options: tuple[bytes, ...]) -> Fields:
    """Without the headers of this hop, and without underscore names, which some servers read as their hyphen twins."""
    return [field for field in headers if field[0] not in _SPECIAL and field[0] not in options and b"_" not in field[0]]
