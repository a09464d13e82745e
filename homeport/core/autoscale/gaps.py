"""How long a replica stays without use before it is needed again, learned from the gaps so far."""

from math import log2

# Two bins to each doubling, from a second to twelve hours.
_BINS = 32
_SECONDS = tuple(2 ** (index / 2) for index in range(_BINS))
_MIDDLE, _END = 2**0.25, 2**0.5
# Before there is experience any gap up to an hour is as likely as any other of its order; that much counts as one gap.
_FIRST_GUESS = tuple(1 / 24 if seconds < 3600 else 0.0 for seconds in _SECONDS)
# So many gaps are always counted as never ending: nothing is kept for ever on a guess.
_NEVER = 0.3
_MEMORY = 0.98


class Gaps:
    """The latest fifty or so count most."""

    def __init__(self) -> None:
        self._weights = list(_FIRST_GUESS)

    def add(self, seconds: float) -> None:
        index = min(_BINS - 1, int(2 * log2(max(seconds, 1.0))))
        self._weights = [weight * _MEMORY for weight in self._weights]
        self._weights[index] += 1

    def hold_seconds(self, restart_cost: float) -> float:
        """How long to keep a replica that is not needed so that it costs least: idle seconds of the gaps that end in
        time, idle seconds and `restart_cost` (in seconds of a replica) of the others."""
        rest = sum(self._weights) + _NEVER
        least, hold = rest * restart_cost, 0.0
        idle = 0.0
        for seconds, weight in zip(_SECONDS, self._weights, strict=True):
            idle += weight * seconds * _MIDDLE
            rest -= weight
            cost = idle + rest * (seconds * _END + restart_cost)
            if cost < least:
                least, hold = cost, seconds * _END
        return hold
