"""The headers that begin a stream of HTTP/2, read with the same eyes as a head of HTTP/1.1: both go on as that."""

import re
from base64 import b64encode
from secrets import token_bytes

from homeport.http1.errors import ProtocolError
from homeport.http1.head import NO_BODY, UNKNOWN, Fields, RequestHead, block, check_count, request_head
from homeport.http1.target import check_target

KEY_HEADER = b"sec-websocket-key"
_KEY_BYTES = 16
_METHOD = re.compile(rb"[A-Z]{1,32}")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
# No control character: as a line of HTTP/1.1 it would become two.
_VALUE = re.compile(rb"(?:[^\x00-\x20\x7f](?:[^\x00-\x08\x0a-\x1f\x7f]*[^\x00-\x20\x7f])?)?")


def head_of(headers: Fields, last: bool) -> tuple[RequestHead, int]:
    """(head, length of the body as in request_head). `headers` are well formed as HTTP/2. Raises ProtocolError."""
    check_count(headers, 431)
    pseudo: dict[bytes, bytes] = {}
    fields: Fields = []
    cookies: list[bytes] = []
    for name, value in headers:
        if _VALUE.fullmatch(value) is None:
            raise ProtocolError(400, "a header's value has a control character, or space around it")
        if name[:1] == b":":
            pseudo[name] = value
        elif _NAME.fullmatch(name) is None:
            raise ProtocolError(400, "a header's name is malformed")
        elif name == b"cookie":
            cookies.append(value)
        elif name != b"host":
            fields.append((name, value))
        elif pseudo.setdefault(b":authority", value) != value:
            raise ProtocolError(400, "the Host header is not the authority of the request")
    if cookies:
        fields.append((b"cookie", b"; ".join(cookies)))
    method, target = pseudo[b":method"], pseudo[b":path"]
    protocol = pseudo.get(b":protocol")
    if protocol is not None:
        return _talk_of(protocol, target, fields, pseudo[b":authority"], last)
    if _METHOD.fullmatch(method) is None:
        raise ProtocolError(501, "the method is not served")
    fields.append((b"host", pseudo.get(b":authority", b"")))
    head, length = request_head(method, target, check_target(target), "1.1", fields)
    if last:
        if length > 0:
            raise ProtocolError(400, "the request ends before its Content-Length")
        return head, NO_BODY
    return head, UNKNOWN if length == NO_BODY else length


def _talk_of(protocol: bytes, target: bytes, fields: Fields, host: bytes, last: bool) -> tuple[RequestHead, int]:
    """An extended CONNECT (RFC 8441) asks for what the upgrade of a GET asks for, and needs no key: a server of
    HTTP/1.1 gets one of ours."""
    if protocol != b"websocket":
        raise ProtocolError(501, "only WebSockets can be connected to")
    if last:
        raise ProtocolError(400, "a WebSocket that ends with its head")
    key = b64encode(token_bytes(_KEY_BYTES))
    asked = [field for field in fields if field[0] != KEY_HEADER]
    head, _ = request_head(b"GET", target, check_target(target), "1.1", [*asked, (KEY_HEADER, key), (b"host", host)])
    head.upgrade = True
    return head, NO_BODY


def lines_of(headers: Fields) -> bytes | None:
    """Header lines of trailers or an answer, without pseudo headers; None where a line would become two."""
    fields = [field for field in headers if field[0][:1] != b":"]
    good = all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in fields)
    return block(fields) if good else None


def fields_of(lines: bytes) -> Fields:
    """The other way, of lines as `block` writes them."""
    pairs = (line.partition(b": ") for line in lines.split(b"\r\n") if line)
    return [(name, value) for name, _, value in pairs]
