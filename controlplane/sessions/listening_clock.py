"""Time during which this process could hear: silence is measured on it, so that who was deaf blames nobody."""

from collections.abc import Callable


class ListeningClock:
    """Seconds, monotonic. Stands still while the process does: stopped, suspended, or with a loop that hangs.

    `tick` is called at least once a second; a longer gap than `longest_gap` was no listening. Between two ticks the
    clock never runs further ahead than that, so that nothing read before the first tick after a gap looks late.
    """

    def __init__(self, monotonic: Callable[[], float], longest_gap: float = 2.0) -> None:
        self._monotonic = monotonic
        self._longest_gap = longest_gap
        self._ticked_at = monotonic()
        self._deaf = 0.0

    def __call__(self) -> float:
        return min(self._monotonic(), self._ticked_at + self._longest_gap) - self._deaf

    def tick(self) -> float:
        """Seconds that were lost since the tick before; nearly always 0."""
        now = self._monotonic()
        lost = max(0.0, now - self._ticked_at - self._longest_gap)
        self._deaf += lost
        self._ticked_at = now
        return lost
