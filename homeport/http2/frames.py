"""Frames of HTTP/2 (RFC 9113 sections 4 and 6): cut out of a byte stream, and packed."""

import struct
from collections.abc import Callable

from homeport.http2.errors import FRAME_SIZE_ERROR, PROTOCOL_ERROR, Http2Error

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA = 0x0
HEADERS = 0x1
PRIORITY = 0x2
RST_STREAM = 0x3
SETTINGS = 0x4
PUSH_PROMISE = 0x5
PING = 0x6
GOAWAY = 0x7
WINDOW_UPDATE = 0x8
CONTINUATION = 0x9

ACK = 0x1
END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY_FLAG = 0x20

# The length's 24 bits as 8 and 16, type, flags, stream id.
_HEADER = struct.Struct("!BHBBI")
HEADER_SIZE = _HEADER.size
_U32 = struct.Struct("!I")

# kind, flags, stream id, and the payload as buffer[start:end]: a view without its cost.
OnFrame = Callable[[int, int, int, bytes, int, int], None]


def frame_header(size: int, kind: int, flags: int, stream_id: int) -> bytes:
    return _HEADER.pack(size >> 16, size & 0xFFFF, kind, flags, stream_id)


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    return frame_header(len(payload), kind, flags, stream_id) + payload


def pack_u32(value: int) -> bytes:
    return _U32.pack(value)


def unpack_u32(buffer: bytes, start: int) -> int:
    value: int = _U32.unpack_from(buffer, start)[0]
    return value


def without_padding(flags: int, buffer: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the payload of a DATA or HEADERS frame really begins and ends. Raises Http2Error."""
    if not flags & PADDED:
        return start, end
    if start == end:
        raise Http2Error(FRAME_SIZE_ERROR, "a padded frame has no padding length")
    end -= buffer[start]
    start += 1
    if start > end:
        raise Http2Error(PROTOCOL_ERROR, "a frame is more padding than frame")
    return start, end


class FrameReader:
    """Feed it what arrives; it hands whole frames on, in order. `max_size`: of a payload, in bytes."""

    def __init__(self, on_frame: OnFrame, max_size: int) -> None:
        self.on_frame = on_frame
        self._max_size = max_size
        # The beginning of a frame whose rest has not arrived, in pieces: joined once, however many there are.
        self._pieces: list[bytes] = []
        self._missing = 0

    def feed(self, data: bytes) -> None:
        """Raises Http2Error for an oversized frame, and what on_frame raises."""
        at = 0
        while self._pieces:
            # Only what it lacks: what follows may be long, and is read where it is.
            piece = data[at : at + self._missing]
            self._pieces.append(piece)
            self._missing -= len(piece)
            if self._missing:
                return
            at += len(piece)
            begun, self._pieces = b"".join(self._pieces), []
            self._read(begun, 0)
        self._read(data, at)

    def _read(self, data: bytes, at: int) -> None:
        end = len(data)
        while end - at >= HEADER_SIZE:
            high, low, kind, flags, stream_id = _HEADER.unpack_from(data, at)
            size = high << 16 | low
            if size > self._max_size:
                raise Http2Error(FRAME_SIZE_ERROR, f"a frame of {size} bytes; at most {self._max_size} are allowed")
            following = at + HEADER_SIZE + size
            if following > end:
                self._keep(data[at:], following - end)
                return
            # The highest bit of the id is reserved and to be ignored.
            self.on_frame(kind, flags, stream_id & 0x7FFFFFFF, data, at + HEADER_SIZE, following)
            at = following
        if at < end:
            self._keep(data[at:], HEADER_SIZE - (end - at))

    def _keep(self, data: bytes, missing: int) -> None:
        self._pieces = [data]
        self._missing = missing
