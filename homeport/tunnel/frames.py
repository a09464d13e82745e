"""The frames, byte by byte. docs/protocol.md is the text for people."""

import struct
from dataclasses import dataclass
from enum import IntEnum

from homeport.tunnel.errors import TunnelProtocolError

# type, flags, request id, bytes of payload that follow.
HEADER = struct.Struct("!BBII")


# Frame types. Plain numbers: members of an Enum cost a failed attribute lookup each time they are named (Python 3.11),
# and these are named several times a request.
OPEN = 1
HEAD = 2
DATA = 3
END = 4
RESET = 5
REFUSED = 6
WINDOW = 7
LOAD = 8
GOAWAY = 9
PROGRESS = 10
# Header lines behind a body; END comes next. An end that does not know it reads on.
TRAILERS = 11
# To agents: the gateway's live workers, as in the answer to Attach.
WORKERS = 14

# Flag of OPEN, HEAD and DATA: nothing of this direction follows, as if END came next.
FIN = 1


class RefusedCode(IntEnum):
    """Why an OPEN was never dispatched."""

    # Nothing is free, and the request may not wait here.
    BUSY = 1
    QUEUE_FULL = 2
    UNKNOWN_DEPLOYMENT = 3
    DRAINING = 4
    # No ready replica could be connected to.
    UNREACHABLE = 5
    # It waited for as long as it was allowed to.
    EXPIRED = 6


class ResetCode(IntEnum):
    """Why a request ended without END."""

    CANCELLED = 1
    UPSTREAM_LOST = 2
    OVERRUN = 3
    TIMEOUT = 4
    INTERNAL = 5
    # Never sent: what both ends tell themselves when the tunnel is lost.
    TUNNEL_LOST = 6


@dataclass(frozen=True, slots=True)
class Refusal:
    code: int
    retry_after_seconds: int
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Of a request that waits: how long about, and for what."""

    seconds: int
    text: str


_REFUSED = struct.Struct("!BH")
_PROGRESS = struct.Struct("!H")
_WINDOW = struct.Struct("!I")
_HEAD = struct.Struct("!Hq")
# HEADER and _HEAD in one.
_HEAD_FRAME = struct.Struct("!BBIIHq")
_RESET = struct.Struct("!B")


def head_frame(request_id: int, status: int, length: int, block: bytes, last: bool) -> bytes:
    size = _HEAD.size + len(block)
    return _HEAD_FRAME.pack(HEAD, FIN if last else 0, request_id, size, status, length) + block


def unpack_head(buffer: bytes, start: int, end: int) -> tuple[int, int, bytes]:
    """Of the payload buffer[start:end]: status, body length or a negative mark of homeport.http1.head, header lines."""
    block = start + _HEAD.size
    if block > end:
        raise TunnelProtocolError("a HEAD is too short")
    status, length = _HEAD.unpack_from(buffer, start)
    return status, length, buffer[block:end]


def pack_refused(refusal: Refusal) -> bytes:
    return _REFUSED.pack(refusal.code, min(refusal.retry_after_seconds, 0xFFFF)) + refusal.reason.encode()


def unpack_refused(payload: bytes) -> Refusal:
    try:
        code, retry_after = _REFUSED.unpack_from(payload)
    except struct.error as error:
        raise TunnelProtocolError("a REFUSED is too short") from error
    return Refusal(code, retry_after, payload[_REFUSED.size :].decode(errors="replace"))


def pack_progress(progress: Progress) -> bytes:
    return _PROGRESS.pack(min(progress.seconds, 0xFFFF)) + progress.text.encode()


def unpack_progress(payload: bytes) -> Progress:
    try:
        seconds = _PROGRESS.unpack_from(payload)[0]
    except struct.error as error:
        raise TunnelProtocolError("a PROGRESS is too short") from error
    return Progress(seconds, payload[_PROGRESS.size :].decode(errors="replace"))


def pack_reset(code: int, reason: str) -> bytes:
    return _RESET.pack(code) + reason.encode()


def unpack_reset(payload: bytes) -> tuple[int, str]:
    if not payload:
        raise TunnelProtocolError("a RESET is too short")
    return payload[0], payload[1:].decode(errors="replace")


def pack_window(size: int) -> bytes:
    return _WINDOW.pack(size)


def unpack_window(payload: bytes) -> int:
    try:
        size: int = _WINDOW.unpack_from(payload)[0]
    except struct.error as error:
        raise TunnelProtocolError("a WINDOW is too short") from error
    return size


def unpack_workers(payload: bytes) -> frozenset[str]:
    try:
        return frozenset(filter(None, payload.decode().split(",")))
    except UnicodeDecodeError as error:
        raise TunnelProtocolError("the workers are no text") from error
