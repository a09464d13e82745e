"""gRPC's messages in the DATA of a stream: one byte "is compressed", four bytes length, the message."""

import struct
from collections.abc import Callable

from homeport.http2.status import RESOURCE_EXHAUSTED, UNIMPLEMENTED, Status

# What gRPC allows unless told otherwise.
MAX_MESSAGE = 4 * 1024 * 1024

_PREFIX = struct.Struct("!BI")
PREFIX_SIZE = _PREFIX.size

# A message as buffer[start:end].
OnMessage = Callable[[bytes, int, int], None]


class MessageError(Exception):
    """A message that is not read: the call ends with `status`."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


def message_prefix(size: int) -> bytes:
    return _PREFIX.pack(0, size)


class MessageReader:
    """Feed it a stream's DATA, however it is cut; it hands whole messages on, in order."""

    def __init__(self, on_message: OnMessage) -> None:
        self._on_message = on_message
        # The beginning of a message whose rest has not arrived. Not a list of pieces: a byte may come in each.
        self._begun = bytearray()
        self._missing = 0

    @property
    def inside(self) -> bool:
        """A message has begun and not ended."""
        return bool(self._begun)

    def feed(self, buffer: bytes, start: int, end: int) -> None:
        """Raises MessageError, and what on_message raises."""
        if self._begun:
            self._begun += buffer[start:end]
            self._missing -= end - start
            if self._missing > 0:
                return
            buffer = bytes(self._begun)
            start, end = 0, len(buffer)
            self._begun.clear()
        while end - start >= PREFIX_SIZE:
            compressed, size = _PREFIX.unpack_from(buffer, start)
            if compressed:
                raise MessageError(Status(UNIMPLEMENTED, "compressed messages are not understood"))
            if size > MAX_MESSAGE:
                text = f"a message of {size} bytes; at most {MAX_MESSAGE} are allowed"
                raise MessageError(Status(RESOURCE_EXHAUSTED, text))
            following = start + PREFIX_SIZE + size
            if following > end:
                self._keep(buffer[start:end], following - end)
                return
            self._on_message(buffer, start + PREFIX_SIZE, following)
            start = following
        if start < end:
            self._keep(buffer[start:end], PREFIX_SIZE - (end - start))

    def _keep(self, data: bytes, missing: int) -> None:
        self._begun += data
        self._missing = missing
