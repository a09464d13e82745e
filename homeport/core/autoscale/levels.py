"""Which replicas to keep through a gap: level k is the k-th replica, and learns for itself."""

from math import inf
from typing import NamedTuple

from homeport.core.autoscale.gaps import Gaps

# Requests that would be late if a level was not there when it is needed again: until there is experience, and how many
# returns that guess is worth.
_FIRST_GUESS = 2.0
_GUESS_WEIGHT = 1.0
# A figure far off its target may ask for millions; so many learn.
_MOST_LEVELS = 1000
# A shorter gap is none.
_SHORTEST_GAP_SECONDS = 1.0


class Delays(NamedTuple):
    """Seconds that are given instead of what is learned; None = nothing is."""

    down: float | None = None
    to_zero: float | None = None

    def of(self, number: int) -> float | None:
        return self.to_zero if number == 1 else self.down


class _Level:
    """`returns` is how often it was needed again, `spared` how many requests it took in time then."""

    __slots__ = ("gaps", "hold_seconds", "returns", "spared", "unused_since", "used_since")

    def __init__(self, now: float) -> None:
        self.gaps = Gaps()
        self.returns = 0
        self.spared = 0
        self.used_since = now
        self.unused_since: float | None = None
        self.hold_seconds = 0.0


class Levels:
    """Starts with so many levels in use."""

    def __init__(self, used: int, now: float) -> None:
        self._used = 0
        # No level above this one is worth keeping until it is used again.
        self._highest = 0
        self._levels: list[_Level] = []
        # Of all levels together: what a new one is taken for.
        self._returns = _GUESS_WEIGHT
        self._spared = _FIRST_GUESS * _GUESS_WEIGHT
        self.use(used, now, 0.0, 0.0)

    def use(self, used: int, now: float, start_seconds: float, late_price: float) -> None:
        """So many replicas are needed now. `late_price` is what it is worth that a request need not wait for a start,
        in seconds of an idle replica."""
        used = min(used, _MOST_LEVELS)
        while len(self._levels) < used:
            self._levels.append(_Level(now))
            self._rise(self._levels[-1], now)
        for level in self._levels[self._used : used]:
            gap = now - level.unused_since if level.unused_since is not None else 0.0
            level.unused_since = None
            if gap >= _SHORTEST_GAP_SECONDS:
                level.gaps.add(gap)
                self._rise(level, now)
        for level in self._levels[used : self._used]:
            level.unused_since = now
        for level in self._levels[min(used, self._used) : max(used, self._used)]:
            level.hold_seconds = level.gaps.hold_seconds(start_seconds + late_price * self._spared_by(level))
        self._used = used
        self._highest = max(self._highest, used)

    def took(self, arrivals: int, load: float, per_level: float, now: float, start_seconds: float) -> None:
        """`arrivals` came and made `load` requests, of which each level takes `per_level` before the next has to. Those
        that a level takes while a replica would still be starting are spared from waiting by its being there."""
        for number in range(min(len(self._levels), int(load / per_level) + 1), 0, -1):
            if arrivals <= 0:
                return
            level = self._levels[number - 1]
            taken = min(arrivals, max(0, int(load - (number - 1) * per_level)))
            if now - level.used_since <= start_seconds:
                level.spared += taken
                self._spared += taken
            arrivals -= taken
            load -= taken

    def held(self, running: int, now: float, lead_seconds: float, delays: Delays) -> int:
        """The highest level that is worth keeping. One that does not run is started when what was learned says to hold
        it for longer than `lead_seconds`: it comes too late for this time, but not for the next."""
        while self._highest:
            number = self._highest
            until = self.held_until(number, now, delays)
            if number > running:
                until -= lead_seconds if delays.of(number) is None else inf
            if until > now:
                break
            self._highest -= 1
        return self._highest

    def held_until(self, number: int, now: float, delays: Delays) -> float:
        """A level in use is held from now on."""
        level, delay = self._levels[number - 1], delays.of(number)
        unused_since = now if level.unused_since is None else level.unused_since
        return unused_since + (level.hold_seconds if delay is None else delay)

    def _rise(self, level: _Level, now: float) -> None:
        level.used_since = now
        level.returns += 1
        self._returns += 1

    def _spared_by(self, level: _Level) -> float:
        """Requests per return, drawn towards what all levels have seen."""
        usual = self._spared / self._returns
        return (level.spared + _GUESS_WEIGHT * usual) / (level.returns + _GUESS_WEIGHT)
