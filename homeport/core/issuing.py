"""How many certificates are issued: to one node that recovers again and again, and to all of them after an outage."""

from collections.abc import Sequence

# Of one node: so many in an hour, or within so many lives of its certificate, where these are short.
MOST_RECOVERIES = 10
_HOUR = 3600.0
# Of all together. Signing one takes about half a millisecond, and nothing else is done meanwhile.
PER_SECOND = 200


def recent_recoveries(recoveries: Sequence[float], now: float, life: float) -> tuple[float, ...]:
    """Those that still count. All times are unix seconds, `life` is that of a certificate."""
    window = min(_HOUR, MOST_RECOVERIES * life)
    return tuple(at for at in recoveries if 0 <= now - at < window)


def may_recover(recoveries: Sequence[float], now: float, life: float) -> bool:
    """A host that was away recovers once. One that does so all the time is broken, or several that share a key."""
    return len(recent_recoveries(recoveries, now, life)) < MOST_RECOVERIES


class IssuingBudget:
    """Who gets none now asks again, later and at a time of its own: a fleet that was away comes back over a minute."""

    def __init__(self, per_second: float = PER_SECOND, at_once: float = PER_SECOND) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._left = at_once
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """`now` is of one clock that never goes back, in seconds."""
        passed = 0.0 if self._at is None else now - self._at
        self._at = now
        self._left = min(self._at_once, self._left + passed * self._per_second)
        if self._left < 1:
            return False
        self._left -= 1
        return True
