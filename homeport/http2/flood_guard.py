"""How many frames that carry nothing, and cost us something, a peer may send."""

from homeport.http2.errors import ENHANCE_YOUR_CALM, Http2Error

# A healthy peer sends a handful at the start, then a few pings a second.
_BURST = 1000.0
_PER_SECOND = 100.0


class FloodGuard:
    """A token bucket. `now` is monotonic, in seconds."""

    def __init__(self, now: float) -> None:
        self._left = _BURST
        self._at = now

    def spend(self, now: float) -> None:
        """One such frame has come: SETTINGS, PING, RST_STREAM, a stream that is begun, DATA without data, ...

        Raises Http2Error(ENHANCE_YOUR_CALM).
        """
        self._left = min(_BURST, self._left + (now - self._at) * _PER_SECOND) - 1
        self._at = now
        if self._left < 0:
            raise Http2Error(ENHANCE_YOUR_CALM, "too many control frames")
