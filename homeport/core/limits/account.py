"""One access token at a member: what it may admit by itself."""

from typing import NamedTuple

from homeport.core.limits.limits import Counted, Flow, Limits, Meter
from homeport.core.limits.pool import floor, seconds_until
from homeport.core.limits.report import Counts, Lease, Part
from homeport.core.limits.window import SlidingWindow

# Who was told that there is no more does not ask again for this long, whatever asks for it.
_DRY_SECONDS = 0.25


class Shortage(NamedTuple):
    """`retry_after_seconds`: 0 = nobody can tell."""

    meter: Meter
    retry_after_seconds: float


class Remainder(NamedTuple):
    """What a caller is told of one meter. `resets_in`: seconds until all of it is there."""

    meter: Meter
    left: int
    resets_in: float


class Account:
    __slots__ = (
        "_dry",
        "_held",
        "_in_flight",
        "_left",
        "_lent_at",
        "_limits",
        "_shares",
        "_windows",
        "days",
        "is_news",
        "members",
        "news",
        "reported_held",
    )

    def __init__(self, limits: Limits, members: int, alone: bool) -> None:
        self._limits = limits
        self._in_flight = 0
        self._held: dict[str, int] = {}
        # Of what nobody has used, as told last and less what was used here since.
        self._left: dict[str, int] = {}
        # Until when there is none to be had, and when there may be.
        self._dry: dict[str, tuple[float, float]] = {}
        self._windows = {counted: SlidingWindow() for counted in Counted}
        # Of rates, while the lender is away: what may be used here a minute.
        self._shares: dict[str, int] | None = {} if alone else None
        self.members = members
        self.days: dict[str, Counts] = {}
        # Days that count more than was reported.
        self.news: set[str] = set()
        self.is_news = False
        self.reported_held: dict[str, int] = {}

    @property
    def is_alone(self) -> bool:
        return self._shares is not None

    def holds(self) -> bool:
        """Whether the lender must hear of it although nothing happens here."""
        return bool(self._in_flight) or any(self._held.values())

    # ---- requests

    def shortages(self, limits: Limits, tokens: int, now: float) -> list[Shortage]:
        """Of one more request. Of those with seconds to wait less than 0 it is not known whether there is more."""
        self._limits = limits
        found: list[Shortage] = []
        for meter in limits.meters:
            need = cost(meter, tokens)
            if meter.flow is Flow.RATE and self._shares is not None:
                window, share = self._windows[meter.counts], self._share(meter)
                need = min(need, share)
                missing = window.used(now) + need - share
                if missing > 0:
                    found.append(Shortage(meter, seconds_until(missing, window.leaving(now))))
            elif self._held.get(meter.name, 0) < need:
                until, more_at = self._dry.get(meter.name, (0.0, 0.0))
                dry = self._shares is not None or now < until
                found.append(Shortage(meter, max(0.0, more_at - now) if dry else -1.0))
        return found

    def begin(self, tokens: int, now: float, today: str) -> None:
        """A request that nothing is short for."""
        self._in_flight += 1
        self._use(1, tokens, 0, now, today)
        self._move(Flow.CONCURRENCY, Counted.REQUESTS, 1)

    def end(self, prompt: int, completion: int, now: float, day: str) -> None:
        """`prompt`: how many more tokens than `begin` was told of; `day` is that of the beginning."""
        self._in_flight -= 1
        self._use(0, prompt, completion, now, day)
        self._move(Flow.CONCURRENCY, Counted.REQUESTS, -1)

    def remainders(self, now: float) -> list[Remainder]:
        return [
            Remainder(meter, max(0, self._left.get(meter.name, meter.limit)), self._resets_in(meter, now))
            for meter in self._limits.meters
        ]

    # ---- the lender

    def part(self, needs: dict[str, int], first: bool, now: float) -> Part:
        """Takes the news along."""
        if first:
            self._come_back(now)
        days = self.days if first else {day: self.days[day] for day in self.news}
        self.reported_held = {meter.name: self._held.get(meter.name, 0) for meter in self._limits.meters}
        recent = {str(each): window.slots(now) for each, window in self._windows.items()} if first else None
        told = {day: list(counts) for day, counts in days.items()}
        self.news, self.is_news = set(), False
        return Part(told, self._in_flight, self.reported_held, needs, recent)

    def take(self, leases: dict[str, Lease], needs: dict[str, int], now: float) -> None:
        """The answer to the last part."""
        self._shares = None
        for name, lease in leases.items():
            before = self.reported_held.get(name, 0)
            self._left[name] = lease.left - (before - self._held.get(name, 0))
            self._held[name] = self._held.get(name, 0) + lease.held - before
            if lease.held < needs.get(name, 0):
                more_at = now + lease.wait_seconds if lease.wait_seconds else 0.0
                self._dry[name] = now + min(_DRY_SECONDS, lease.wait_seconds or _DRY_SECONDS), more_at
            else:
                self._dry.pop(name, None)

    def stay_alone(self, now: float) -> None:
        """The lender cannot be asked: what was used here in the last minute and what is leased go on."""
        if self._shares is None:
            self._shares = {
                meter.name: self._windows[meter.counts].used(now) + max(0, self._held.get(meter.name, 0))
                for meter in self._limits.meters
                if meter.flow is Flow.RATE
            }

    def prune(self, before: str) -> None:
        """Days before this one that the lender keeps."""
        for day in [each for each in self.days if each < before and each not in self.news]:
            del self.days[day]

    # ----

    def _share(self, meter: Meter) -> int:
        return max((self._shares or {}).get(meter.name, 0), floor(meter, self.members))

    def _come_back(self, now: float) -> None:
        """What is left of the share is a lease again."""
        if self._shares is not None:
            for meter in self._limits.meters:
                if meter.flow is Flow.RATE:
                    share = self._shares.get(meter.name, 0)
                    self._held[meter.name] = max(0, share - self._windows[meter.counts].used(now))

    def _use(self, requests: int, prompt: int, completion: int, now: float, day: str) -> None:
        self._windows[Counted.REQUESTS].add(requests, now)
        self._windows[Counted.TOKENS].add(prompt + completion, now)
        counts = self.days.setdefault(day, [0, 0, 0])
        for index, number in enumerate((requests, prompt, completion)):
            counts[index] += number
        self.news.add(day)
        self.is_news = True
        for flow in (Flow.RATE, Flow.BUDGET):
            self._move(flow, Counted.REQUESTS, requests)
            self._move(flow, Counted.TOKENS, prompt + completion)

    def _move(self, flow: Flow, counted: Counted, number: int) -> None:
        for meter in self._limits.meters:
            if meter.flow is flow and meter.counts is counted:
                self._held[meter.name] = self._held.get(meter.name, 0) - number
                self._left[meter.name] = self._left.get(meter.name, meter.limit) - number

    def _resets_in(self, meter: Meter, now: float) -> float:
        if meter.flow is not Flow.RATE:
            return 0.0
        return max((seconds for seconds, _ in self._windows[meter.counts].leaving(now)), default=0.0)


def cost(meter: Meter, tokens: int) -> int:
    """Of one request. One that is larger than the limit takes all of it."""
    return 1 if meter.counts is Counted.REQUESTS else min(tokens, meter.limit)
