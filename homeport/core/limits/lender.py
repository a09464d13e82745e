"""Who keeps the sum: lends parts of what access tokens may use to members, which admit requests without asking.

What all members have used and hold together is never more than the limit, so nothing is admitted beyond it; what they
hold unused shrinks with what is left, so that nearly all of it can be used, wherever the requests arrive. A member that
is cut off goes on with its part, which nobody else gets.
"""

from collections.abc import Callable
from typing import NamedTuple

from homeport.core.limits.ledger import TokenLedger
from homeport.core.limits.limits import Flow, Limits, Meter
from homeport.core.limits.pool import TokenPool
from homeport.core.limits.report import Grant, Lease, Report


class MeterState(NamedTuple):
    """`resets_in`: seconds until all of a rate is there again; None of others."""

    meter: Meter
    used: int
    left: int
    resets_in: float | None


class Lender:
    """`limits_of(token id)`: None for one that has none. `settles_at`: until then members may be there that have not
    been heard yet, and nothing new is lent. `now` is of a clock that never goes back, `today` a date of UTC."""

    def __init__(self, limits_of: Callable[[str], Limits | None], settles_at: float = 0.0) -> None:
        self.ledgers: dict[str, TokenLedger] = {}
        # Of these there is news since somebody emptied this set.
        self.changed: set[str] = set()
        self._limits_of = limits_of
        self._settles_at = settles_at
        self._pools: dict[str, TokenPool] = {}
        # Member to its boot.
        self._members: dict[str, str] = {}
        self._today = ""

    def exchange(self, report: Report, now: float, today: str, kept: int = 0) -> Grant:
        """`kept`: the newest of this member's reports whose counts are durable."""
        self._today = today
        if self._members.get(report.member) != report.boot:
            self._leave_pools(report.member, now)
            self._members[report.member] = report.boot
        settling = now < self._settles_at
        tokens: dict[str, dict[str, Lease]] = {}
        for token_id, part in report.tokens.items():
            ledger = self.ledgers.setdefault(token_id, TokenLedger())
            new = ledger.take(report.member, report.boot, part.days)
            if any(new):
                self.changed.add(token_id)
            pool = self._pool(token_id)
            if pool is None:
                continue
            pool.hear(report.member, part, new, now)
            if not settling:
                tokens[token_id] = pool.lend(report.member, part.needs, len(self._members), now)
        return Grant(report.number, kept, len(self._members), tokens, settling)

    def cut_off(self, member: str, now: float) -> None:
        """Its connection is lost. It may be there all the same, and comes back with another first report."""
        for pool in self._pools.values():
            pool.cut_off(member, len(self._members), now)

    def forget(self, member: str, now: float) -> None:
        """It has ended for good."""
        self._members.pop(member, None)
        self._leave_pools(member, now)

    def forget_token(self, token_id: str) -> None:
        self._pools.pop(token_id, None)
        self.ledgers.pop(token_id, None)
        self.changed.discard(token_id)

    def states(self, token_id: str, now: float, today: str) -> list[MeterState]:
        """What a token has used and has left, of each of its meters."""
        self._today = today
        pool = self._pool(token_id)
        return [] if pool is None else [_state(pool, meter, now) for meter in pool.limits.meters]

    def _leave_pools(self, member: str, now: float) -> None:
        for pool in self._pools.values():
            pool.forget(member, now)

    def _pool(self, token_id: str) -> TokenPool | None:
        limits = self._limits_of(token_id)
        pool = self._pools.get(token_id)
        if limits is None:
            self._pools.pop(token_id, None)
            return None
        if pool is None:
            pool = self._pools[token_id] = TokenPool(limits, lambda meter: self._spent(token_id, meter))
        pool.limits = limits
        return pool

    def _spent(self, token_id: str, meter: Meter) -> int:
        ledger = self.ledgers.get(token_id)
        return 0 if ledger is None else ledger.used(meter, self._today)


def _state(pool: TokenPool, meter: Meter, now: float) -> MeterState:
    used = pool.used(meter, now)
    resets_in = None
    if meter.flow is Flow.RATE:
        resets_in = max((seconds for seconds, _ in pool.leaving(meter, now)), default=0.0)
    return MeterState(meter, used, max(0, meter.limit - used), resets_in)
