"""The model's name in messages of gRPC: read as they come, and replaced where the model server has another.

The requests of the Open Inference Protocol have it in field 1. Nothing else of a message is read, and nothing of it is
held once the name is found.
"""

import struct
from collections.abc import Callable

from homeport.core.errors import ErrorCode, HomeportError

# "is compressed", and the length of the message that follows.
_PREFIX = struct.Struct("!BI")
_NAME_TAG = 0x0A
_NOT_THERE = 0, 0, 0
# Of a message before its name.
_MAX_HELD = 1024 * 1024


class ModelNames:
    """`rename` gets each message's name, empty where there is none or it cannot be read, and says what stands there
    instead; None = it stays."""

    def __init__(self, rename: Callable[[str], str | None]) -> None:
        self._rename = rename
        # The message whose name is not here yet.
        self._held = bytearray()
        # Of the message whose name was found.
        self._left = 0

    @property
    def holds(self) -> bool:
        """The beginning of a message is here, without its name."""
        return bool(self._held)

    def feed(self, data: bytes) -> bytes:
        """What may go on now. Raises PAYLOAD_TOO_LARGE, and what `rename` raises."""
        out: list[bytes] = []
        while data:
            if self._left:
                out.append(data[: self._left])
                data, self._left = data[self._left :], max(0, self._left - len(data))
                continue
            self._held += data
            data = self._take_message(out)
        return out[0] if len(out) == 1 else b"".join(out)

    def _take_message(self, out: list[bytes]) -> bytes:
        """Adds the beginning of the held message to `out` when its name is known; returns what is behind that."""
        held = self._held
        if len(held) < _PREFIX.size:
            return b""
        compressed, size = _PREFIX.unpack_from(held)
        end = _PREFIX.size + size
        found = _NOT_THERE if compressed else _find_name(held, _PREFIX.size, end)
        if found is None:
            if len(held) > _MAX_HELD:
                raise HomeportError(
                    ErrorCode.PAYLOAD_TOO_LARGE,
                    f"the model's name is not among the first {_MAX_HELD} bytes of the message",
                    hint="put model_name first, or name the deployment in the metadata x-homeport-deployment",
                )
            return b""
        before, start, stop = found
        name = bytes(held[start:stop])
        other = self._rename(name.decode(errors="replace"))
        if other is None or not start:
            out.append(bytes(held[: _PREFIX.size]))
            start = stop = _PREFIX.size
        else:
            # The field anew: its length may take another number of bytes.
            text = other.encode()
            field = _varint(len(text)) + text
            size += len(field) - (stop - before)
            out += (_PREFIX.pack(0, size), bytes(held[_PREFIX.size : before]), field)
        rest = bytes(held[stop:])
        self._left = end - stop
        held.clear()
        return rest


def _find_name(data: bytearray, at: int, end: int) -> tuple[int, int, int] | None:
    """Of the message data[at:end], as far as it is here: where the length of the name stands, where it begins, and
    where it ends. None while more must come.
    """
    while at < end:
        tag, at = _read_varint(data, at)
        if at < 0:
            break
        kind = tag & 7
        if kind == 2:
            before = at
            size, at = _read_varint(data, at)
            if at < 0:
                break
            if tag == _NAME_TAG:
                if at + size > end:
                    return _NOT_THERE
                return (before, at, at + size) if at + size <= len(data) else None
            at += size
        elif kind == 0:
            _, at = _read_varint(data, at)
            if at < 0:
                break
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            return _NOT_THERE
        if at >= len(data) and at < end:
            return None
    if at < 0 and len(data) < end:
        return None
    return _NOT_THERE


def _read_varint(data: bytearray, at: int) -> tuple[int, int]:
    """(value, what follows it); that is negative where it is cut off."""
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 0, -1


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)
