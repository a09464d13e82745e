"""Heads of requests and responses, and what their headers mean for the framing (RFC 9112)."""

import re
from dataclasses import dataclass
from typing import Any

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
HOP_AND_FRAMING = _HOP_BY_HOP | _FRAMING
# Two of these are two opinions about the framing.
_ONCE = _FRAMING | {b"transfer-encoding"}
_USUAL = frozenset((b"host", b"content-length"))
BODILESS_METHODS = frozenset((b"GET", b"HEAD"))
_REFUSED_METHODS = frozenset((b"CONNECT", b"TRACE", b"PRI"))
_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%-]*(:\d{0,5})?|\[[0-9A-Fa-f:.]+\](:\d{0,5})?")
_DIGITS = re.compile(rb"\d{1,18}")


@dataclass(slots=True)
class RequestHead:
    """`fields` are the end-to-end headers with lower-case names, without Host and the framing.

    Requests that differ in their bodies alone share one: change nothing. `meaning` is what the application has made of
    it, kept here to be made once.
    """

    method: bytes
    target: bytes
    path: bytes
    fields: Fields
    host: bytes
    keep_alive: bool
    expects_continue: bool
    is_http_10: bool
    # It asks to go on as a WebSocket.
    upgrade: bool = False
    # Header lines behind the answer's body are welcome.
    takes_trailers: bool = False
    meaning: Any = None


@dataclass(slots=True)
class ResponseHead:
    """As RequestHead."""

    status: int
    fields: Fields
    keep_alive: bool
    meaning: Any = None


def request_head(method: bytes, target: bytes, path: bytes, version: str, headers: Fields) -> tuple[RequestHead, int]:
    """The head, and the length of its body: bytes, UNKNOWN when it is chunked, NO_BODY when there is none.

    Reads the framing and drops what is for this hop only. Raises ProtocolError(400, 417, 501, 505).
    Headers with an underscore are dropped too: some servers read them as their hyphen twins.
    """
    if version not in ("1.1", "1.0"):
        raise ProtocolError(505, f"HTTP/{version} is not spoken here", "use HTTP/1.1")
    if method in _REFUSED_METHODS:
        raise ProtocolError(501, f"method {method.decode('latin-1')} is not served")
    is_10 = version == "1.0"
    special: dict[bytes, bytes] = {}
    fields: Fields = []
    for field in headers:
        name, value = field
        if name in HOP_AND_FRAMING:
            if name in special:
                if name in _ONCE:
                    raise ProtocolError(400, f"header {name.decode()} is given twice")
                value = special[name] + b"," + value
            special[name] = value
        elif b"_" not in name:
            fields.append(field)
    host = special.get(b"host")
    if host is None:
        if not is_10:
            raise ProtocolError(400, "the Host header is missing")
    elif _HOST.fullmatch(host) is None:
        raise ProtocolError(400, "the Host header is not a host with an optional port")
    length = _request_length(method, is_10, special)
    keep_alive, expects_continue, upgrade, takes_trailers = not is_10, False, False, False
    if len(special) > 2 or not _USUAL.issuperset(special):
        options = _list(special, b"connection")
        upgrade = _is_upgrade(special, options)
        if upgrade and (method != b"GET" or is_10):
            raise ProtocolError(400, "a WebSocket begins with a GET of HTTP/1.1")
        if options:
            # What follows a refused upgrade may be no HTTP.
            keep_alive = not upgrade and b"close" not in options and (not is_10 or b"keep-alive" in options)
            fields = [field for field in fields if field[0] not in options]
        expects_continue = _expects_continue(special) and not is_10
        takes_trailers = not is_10 and b"trailers" in _list(special, b"te")
    head = RequestHead(
        method, target, path, fields, host or b"", keep_alive, expects_continue, is_10, upgrade, takes_trailers
    )
    return head, length


def response_head(status: int, version: str, headers: Fields) -> tuple[ResponseHead, int]:
    """As request_head; UNKNOWN covers both chunked bodies and those that end with the connection.

    Raises ProtocolError(502).
    """
    special: dict[bytes, bytes] = {}
    fields: Fields = []
    for field in headers:
        name, value = field
        if name not in HOP_AND_FRAMING:
            fields.append(field)
        elif name == b"content-length" and special.get(name, value) != value:
            raise ProtocolError(502, "the answer gives two lengths")
        else:
            special[name] = special[name] + b"," + value if name in special and name != b"content-length" else value
    options = _list(special, b"connection")
    if options:
        fields = [field for field in fields if field[0] not in options]
    keep_alive = b"close" not in options and (version == "1.1" or b"keep-alive" in options)
    coding = special.get(b"transfer-encoding")
    given = special.get(b"content-length")
    if coding is not None:
        if given is not None or coding.lower() != b"chunked":
            raise ProtocolError(502, "the answer's framing is ambiguous")
    elif given is None:
        # Such a body ends with the connection.
        keep_alive = keep_alive and status in (204, 304)
    return ResponseHead(status, fields, keep_alive), UNKNOWN if given is None else int(given)


def block(fields: Fields) -> bytes:
    """Header lines as they stand on the wire, without the empty line."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])


def check_count(headers: Fields, status: int) -> None:
    if len(headers) > MAX_HEADERS:
        raise ProtocolError(status, f"more than {MAX_HEADERS} headers")


def _request_length(method: bytes, is_10: bool, special: dict[bytes, bytes]) -> int:
    coding = special.get(b"transfer-encoding")
    length = special.get(b"content-length")
    if coding is not None:
        if length is not None:
            raise ProtocolError(400, "both Content-Length and Transfer-Encoding are given")
        if is_10:
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
    if size and method in BODILESS_METHODS:
        raise ProtocolError(400, f"a {method.decode()} request must not have a body")
    return size


def _is_upgrade(special: dict[bytes, bytes], options: list[bytes]) -> bool:
    """To a WebSocket. Raises ProtocolError for whatever else is asked for."""
    upgrade = special.get(b"upgrade")
    if b"http2-settings" in special or (upgrade is not None and b"h2c" in upgrade.lower()):
        raise ProtocolError(400, "upgrading to h2c is not possible", "speak HTTP/1.1")
    if upgrade is None:
        return False
    if upgrade.lower() != b"websocket":
        raise ProtocolError(501, "only WebSockets can be upgraded to", "leave the Upgrade header out")
    if b"upgrade" not in options:
        raise ProtocolError(400, "the Upgrade header needs 'Connection: Upgrade' beside it")
    return True


def _expects_continue(special: dict[bytes, bytes]) -> bool:
    expect = special.get(b"expect")
    if expect is not None and expect.lower() != b"100-continue":
        raise ProtocolError(417, "only 'Expect: 100-continue' is understood")
    return expect is not None


def _list(special: dict[bytes, bytes], name: bytes) -> list[bytes]:
    value = special.get(name)
    return [option.strip().lower() for option in value.split(b",")] if value is not None else []
