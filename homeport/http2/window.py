"""Flow control of what arrives (RFC 9113 section 5.2)."""

from homeport.http2.errors import FLOW_CONTROL_ERROR, Http2Error


class ReceiveWindow:
    """What the other end may still send. What comes is used up at once, unless it is held; all is given back in few
    large steps."""

    __slots__ = ("_held", "_left", "_size")

    def __init__(self, size: int) -> None:
        self._size = self._left = size
        self._held = False

    def take(self, size: int) -> int:
        """`size` bytes have come: how many to give back now. Raises Http2Error when there were fewer left."""
        self._left -= size
        if self._left * 2 >= self._size:
            return 0
        if self._left < 0:
            raise Http2Error(FLOW_CONTROL_ERROR, "more DATA than the window allows")
        if self._held:
            return 0
        return self._give_back()

    def hold(self) -> None:
        """Gives nothing back until release()."""
        self._held = True

    def release(self) -> int:
        """How many to give back now."""
        self._held = False
        return self._give_back() if self._left * 2 < self._size else 0

    def _give_back(self) -> int:
        used = self._size - self._left
        self._left = self._size
        return used
