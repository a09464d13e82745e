"""How many requests arrive in a second, from counts per second."""

from math import exp, sqrt

# Shorter windows may only correct the mean of the whole history where they contradict it beyond chance.
_WINDOWS_SECONDS = (120, 60, 30, 15, 8, 4)
_SIGMAS = 2.0
_DISPERSION_MEMORY_SECONDS = 600.0
# One request in the first second is no steady traffic of one a second: before the beginning there was silence.
_LEAST_HISTORY_SECONDS = 10


class ArrivalRate:
    """Looks at the last `history_seconds`."""

    def __init__(self, history_seconds: int) -> None:
        self.history_seconds = history_seconds
        # The total at the end of each second, by second modulo the length.
        self._totals = [0] * (history_seconds + 1)
        self._first: int | None = None
        self._second = 0
        self._total = 0
        self._dispersion = _Dispersion()

    def note(self, now: float, arrivals: int) -> None:
        """`arrivals` is the total so far."""
        second, size = int(now), len(self._totals)
        if self._first is None:
            self._first = self._second = second
            self._totals = [arrivals] * size
        elif second > self._second:
            before = self._totals[(self._second - 1) % size]
            self._dispersion.note(self._total - before, second - self._second)
            for missed in range(max(self._second, second - size), second):
                self._totals[missed % size] = self._total
        self._second, self._total = second, arrivals
        self._totals[second % size] = arrivals

    def per_second(self) -> float:
        """The mean of the whole history, drawn into what each shorter window leaves possible. How much chance can do is
        learned: requests that come in clumps prove less than as many that come singly."""
        if self._first is None:
            return 0.0
        age = max(_LEAST_HISTORY_SECONDS, self._second - self._first)
        seconds = min(self.history_seconds, age)
        rate = self._count(seconds) / seconds
        dispersion = self._dispersion.index(self._count(1))
        for window in _WINDOWS_SECONDS:
            if window < seconds:
                count = self._count(window)
                spread = _SIGMAS * sqrt(dispersion * count)
                rate = min(max(rate, (count - spread) / window), (count + spread + _SIGMAS) / window)
        return rate

    def _count(self, seconds: int) -> int:
        return self._total - self._totals[(self._second - seconds) % len(self._totals)]


class _Dispersion:
    """Variance over mean of the counts per second: 1 for requests that come independently of each other."""

    def __init__(self) -> None:
        self._seconds = self._sum = self._squares = 1.0

    def note(self, count: int, seconds: int) -> None:
        """`count` in the first of so many seconds, none in the others."""
        kept = exp(-seconds / _DISPERSION_MEMORY_SECONDS)
        self._seconds = self._seconds * kept + seconds
        self._sum = self._sum * kept + count
        self._squares = self._squares * kept + count * count

    def index(self, count: int) -> float:
        """With `count` in the second that is not over."""
        total = self._sum + count
        return max(1.0, (self._squares + count * count) / total - total / (self._seconds + 1)) if total else 1.0
