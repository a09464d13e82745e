"""Passive health: whoever fails again and again gets no requests for a while, and then one to show that it is well.

Somebody without a Standing is sound. Times are monotonic seconds.
"""

from dataclasses import dataclass, replace
from enum import Enum

_FIRST_SECONDS = 0.5
_LONGEST_SECONDS = 30.0
# Strikes in a row that eject.
_LIMIT = 15


class Failure(Enum):
    """What happened to a request."""

    # 502, 503 or 504 as the model's answer.
    BAD_GATEWAY = "bad gateway"
    # Not one byte before its deadline.
    STALLED = "stalled"
    # As a gateway sees it of a whole node: the tunnel or a replica behind it.
    ATTEMPT_LOST = "attempt lost"
    # The connection, or the tunnel, ended before the first byte of the answer.
    LOST = "lost"
    # No connection could be made: until it is tried again there is no use in asking.
    UNREACHABLE = "unreachable"


_STRIKES = {
    Failure.BAD_GATEWAY: 3,
    Failure.STALLED: 5,
    Failure.ATTEMPT_LOST: 5,
    Failure.LOST: _LIMIT,
    Failure.UNREACHABLE: _LIMIT,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """`since`: of the last ejection; `until`: nothing goes there before. `ejections` in a row."""

    strikes: int = 0
    ejections: int = 0
    since: float = 0.0
    until: float = 0.0
    is_unreachable: bool = False

    def is_out(self, now: float) -> bool:
        return now < self.until

    def is_on_trial(self, now: float) -> bool:
        """It has been out, and the next request shows whether it is well."""
        return self.ejections > 0 and now >= self.until

    def on_trial(self, now: float) -> "Standing":
        """The one request is on its way. Without an outcome there is another trial after as long again."""
        return replace(self, until=now + _seconds(self.ejections))


def after_failure(standing: Standing | None, failure: Failure, started_at: float, now: float) -> Standing:
    """Of a request that was sent at `started_at`. Those that were on their way when it was ejected add nothing."""
    standing = standing or Standing()
    if standing.ejections and started_at < standing.since:
        return standing
    strikes = standing.strikes + _STRIKES[failure]
    if not standing.ejections and strikes < _LIMIT:
        return replace(standing, strikes=strikes)
    ejections = standing.ejections + 1
    return Standing(0, ejections, now, now + _seconds(ejections), failure is Failure.UNREACHABLE)


def after_success(standing: Standing, started_at: float) -> Standing | None:
    """An answer ends a row of strikes; an ejection is over only when one comes to a request that was sent after it."""
    return standing if standing.ejections and started_at < standing.since else None


def _seconds(ejections: int) -> float:
    return float(min(_FIRST_SECONDS * 2 ** (min(ejections, 20) - 1), _LONGEST_SECONDS))
