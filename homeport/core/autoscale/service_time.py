"""How long a replica works on a request."""

from math import exp

# Taken for granted until requests have ended, and worth as much as so many of them.
_FIRST_GUESS_SECONDS = 5.0
_GUESS_WEIGHT = 5.0
_MEMORY_REQUESTS = 1000.0


class ServiceTime:
    """By Little's law: the requests in flight over time, divided by those that ended. What is long ago fades."""

    def __init__(self) -> None:
        self._busy_seconds = _FIRST_GUESS_SECONDS * _GUESS_WEIGHT
        self._ended = _GUESS_WEIGHT
        self._completions = 0
        self._in_flight = 0
        self._seen_at: float | None = None

    def note(self, now: float, in_flight: int, completions: int) -> None:
        if self._seen_at is not None:
            ended = completions - self._completions
            if ended:
                kept = exp(-ended / _MEMORY_REQUESTS)
                self._busy_seconds *= kept
                self._ended = self._ended * kept + ended
            self._busy_seconds += (now - self._seen_at) * self._in_flight
        self._seen_at, self._in_flight, self._completions = now, in_flight, completions

    @property
    def seconds(self) -> float:
        return self._busy_seconds / self._ended
