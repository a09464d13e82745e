"""How a gRPC call ends: a code and a message, in trailers."""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from homeport.http2.errors import CANCEL, ENHANCE_YOUR_CALM, NO_ERROR, REFUSED_STREAM
from homeport.http2.header_block import Headers

OK = 0
CANCELLED = 1
UNKNOWN = 2
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
UNAUTHENTICATED = 16

_UNSAFE = re.compile(rb"[^ -$&-~]")
# What gRPC makes of an HTTP status when no call was answered, and of a stream that was reset.
_OF_HTTP = {400: INTERNAL, 401: UNAUTHENTICATED, 403: PERMISSION_DENIED, 404: UNIMPLEMENTED}
_OF_HTTP |= dict.fromkeys((429, 502, 503, 504), UNAVAILABLE)
_OF_RESET = {
    NO_ERROR: INTERNAL,
    REFUSED_STREAM: UNAVAILABLE,
    CANCEL: CANCELLED,
    ENHANCE_YOUR_CALM: RESOURCE_EXHAUSTED,
}


class Status(NamedTuple):
    code: int
    message: str


def trailers(status: Status) -> Headers:
    message = _UNSAFE.sub(lambda match: b"%%%02X" % match[0][0], status.message.encode())
    return [(b"grpc-status", b"%d" % status.code), (b"grpc-message", message)]


def status_of_trailers(headers: Headers) -> Status:
    fields = dict(headers)
    code = fields.get(b"grpc-status", b"")
    message = unquote_to_bytes(fields.get(b"grpc-message", b"")).decode(errors="replace")
    return Status(int(code), message) if code.isdigit() else Status(UNKNOWN, message or "the call ended without status")


def status_of_http(status: int) -> Status:
    return Status(_OF_HTTP.get(status, UNKNOWN), f"answered with HTTP status {status}")


def status_of_reset(code: int, reason: str) -> Status:
    return Status(_OF_RESET.get(code, INTERNAL), reason)
