"""Flow control of what arrives (RFC 9113 section 5.2)."""

from homeport.http2.errors import FLOW_CONTROL_ERROR, Http2Error
from homeport.http2.settings import RECEIVE_WINDOW


class ReceiveWindow:
    """What the other end may still send. All that comes is used up at once; it is given back in few large steps."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = RECEIVE_WINDOW

    def take(self, size: int) -> int:
        """`size` bytes have come: how many to give back now. Raises Http2Error when there were fewer left."""
        self._left -= size
        if self._left >= RECEIVE_WINDOW // 2:
            return 0
        if self._left < 0:
            raise Http2Error(FLOW_CONTROL_ERROR, "more DATA than the window allows")
        used = RECEIVE_WINDOW - self._left
        self._left = RECEIVE_WINDOW
        return used
