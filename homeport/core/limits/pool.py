"""One access token at the lender: what each member holds of it, and what is left for others."""

from collections.abc import Callable, Iterable

from homeport.core.limits.ledger import number_of
from homeport.core.limits.limits import Counted, Flow, Limits, Meter
from homeport.core.limits.report import Counts, Lease, Part
from homeport.core.limits.window import SlidingWindow

# Of what nobody has used all members together hold about this part unused; it moves to where it is needed.
_HELD_PART = 4
# What a member may use a minute where it has no lease and cannot ask: all members together a tenth of the limit.
_FLOOR_PART = 10


def floor(meter: Meter, members: int) -> int:
    """Of a rate: what a member that cannot reach the lender may always use a minute."""
    return max(1, meter.limit // (_FLOOR_PART * max(members, 1)))


class Holding:
    """A member's part. `reserved`: of rates, while it is cut off, what it goes on using a minute."""

    __slots__ = ("held", "in_flight", "reserved", "windows")

    def __init__(self) -> None:
        self.windows = {counted: SlidingWindow() for counted in Counted}
        self.in_flight = 0
        self.held: dict[str, int] = {}
        self.reserved: dict[str, int] | None = None


class TokenPool:
    """`spent(meter)` is what was used of a budget."""

    def __init__(self, limits: Limits, spent: Callable[[Meter], int]) -> None:
        self.limits = limits
        self._spent = spent
        self._holdings: dict[str, Holding] = {}
        # What members used in their last minute, that are no more.
        self._gone: list[dict[Counted, SlidingWindow]] = []

    def hear(self, member: str, part: Part, new: Counts, now: float) -> None:
        """`new`: what was used since its last report."""
        holding = self._holdings.setdefault(member, Holding())
        holding.reserved = None
        holding.in_flight = part.in_flight
        holding.held = dict(part.held)
        recent = part.recent
        if recent is None:
            for counted, window in holding.windows.items():
                window.add(number_of(counted, new), now)
        else:
            holding.windows = {each: SlidingWindow.of(recent.get(each, ()), now) for each in Counted}

    def cut_off(self, member: str, members: int, now: float) -> None:
        """It goes on with what it has: nobody else gets that."""
        holding = self._holdings.get(member)
        if holding is None or holding.reserved is not None:
            return
        holding.reserved = {
            meter.name: max(self._used_by(holding, meter, now) + holding.held.get(meter.name, 0), floor(meter, members))
            for meter in self.limits.meters
            if meter.flow is Flow.RATE
        }

    def forget(self, member: str, now: float) -> None:
        """What it holds is there for others; what it has used stays used."""
        holding = self._holdings.pop(member, None)
        self._gone = [each for each in self._gone if any(window.used(now) for window in each.values())]
        if holding is not None:
            self._gone.append(holding.windows)

    def lend(self, member: str, needs: dict[str, int], members: int, now: float) -> dict[str, Lease]:
        """What the member holds from now on, by meter."""
        return {meter.name: self._lend(member, meter, needs, members, now) for meter in self.limits.meters}

    def used(self, meter: Meter, now: float) -> int:
        if meter.flow is Flow.BUDGET:
            return self._spent(meter)
        used = sum(self._used_by(each, meter, now) for each in self._holdings.values())
        if meter.flow is Flow.RATE:
            used += sum(each[meter.counts].used(now) for each in self._gone)
        return used

    def leaving(self, meter: Meter, now: float) -> list[tuple[float, int]]:
        """Of a rate: (in how many seconds, how much) comes back, in order."""
        there = (each.windows for each in self._holdings.values() if each.reserved is None)
        return sorted(each for windows in (*there, *self._gone) for each in windows[meter.counts].leaving(now))

    def _lend(self, member: str, meter: Meter, needs: dict[str, int], members: int, now: float) -> Lease:
        holding = self._holdings[member]
        held, needed = holding.held.get(meter.name, 0), needs.get(meter.name, 0)
        left = max(0, meter.limit - self.used(meter, now))
        free = left - sum(max(0, each.held.get(meter.name, 0)) for each in self._holdings.values())
        wanted = max(needed, left // (_HELD_PART * max(members, 1)))
        lent = min(wanted, max(held, 0) + max(free, 0))
        # What it gives back is nobody's before it has said that it heard so.
        holding.held[meter.name] = max(held, lent)
        wait = self._wait(meter, needed - lent, now) if lent < needed else 0.0
        return Lease(lent, left, wait)

    def _wait(self, meter: Meter, missing: int, now: float) -> float:
        """0 = nobody can tell."""
        if meter.flow is not Flow.RATE:
            return 0.0
        return seconds_until(missing, self.leaving(meter, now))

    def _used_by(self, holding: Holding, meter: Meter, now: float) -> int:
        if meter.flow is Flow.CONCURRENCY:
            return holding.in_flight
        if holding.reserved is not None:
            # What it holds is in there.
            return holding.reserved.get(meter.name, 0) - max(0, holding.held.get(meter.name, 0))
        return holding.windows[meter.counts].used(now)


def seconds_until(missing: int, leaving: Iterable[tuple[float, int]]) -> float:
    """When so much has come back. 0 = never."""
    for seconds, number in leaving:
        missing -= number
        if missing <= 0:
            return seconds
    return 0.0
