"""`message Frames { bytes frames = 1; }` by hand: the protobuf runtime would copy each message once more."""

from homeport.tunnel.errors import TunnelProtocolError

_TAG = 0x0A


def wrap(parts: list[bytes | memoryview], size: int) -> bytes:
    """One protobuf message of frames that are `size` bytes together."""
    return b"".join((_prefix(size), *parts))


def unwrap(buffer: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the frames of the message buffer[start:end] begin and end; nothing is copied.

    Fields that this release does not know are skipped. Raises TunnelProtocolError.
    """
    found = start, start
    at = start
    while at < end:
        tag, at = _varint(buffer, at, end)
        kind = tag & 7
        if kind == 2:
            size, at = _varint(buffer, at, end)
            if size > end - at:
                raise TunnelProtocolError("a message is cut off")
            if tag == _TAG:
                found = at, at + size
            at += size
        elif kind == 0:
            _, at = _varint(buffer, at, end)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise TunnelProtocolError("a message is no protobuf")
    if at != end:
        raise TunnelProtocolError("a message is cut off")
    return found


def _prefix(size: int) -> bytes:
    digits = bytearray((_TAG,))
    while size > 0x7F:
        digits.append(size & 0x7F | 0x80)
        size >>= 7
    digits.append(size)
    return bytes(digits)


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= end or shift > 63:
            raise TunnelProtocolError("a message is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
