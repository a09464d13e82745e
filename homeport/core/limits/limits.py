"""What an access token may use at most."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple


class Counted(StrEnum):
    REQUESTS = "requests"
    TOKENS = "tokens"


class Period(StrEnum):
    """Days and months are those of UTC."""

    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


class Flow(StrEnum):
    """How what is used comes back: after a minute, when the request ends, or with the next period."""

    RATE = "rate"
    CONCURRENCY = "concurrency"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Budget:
    counts: Counted
    per: Period
    amount: int


class Meter(NamedTuple):
    """One thing that is limited. `period` only of budgets."""

    name: str
    flow: Flow
    counts: Counted
    limit: int
    period: Period = Period.TOTAL


@dataclass(frozen=True)
class Limits:
    """None = any number. Tokens are those of prompt and completion together."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None
    budgets: tuple[Budget, ...] = ()

    @cached_property
    def meters(self) -> tuple[Meter, ...]:
        flat = (
            ("requests_per_minute", Flow.RATE, Counted.REQUESTS, self.requests_per_minute),
            ("tokens_per_minute", Flow.RATE, Counted.TOKENS, self.tokens_per_minute),
            ("concurrent_requests", Flow.CONCURRENCY, Counted.REQUESTS, self.concurrent_requests),
        )
        found = [Meter(name, flow, counts, limit) for name, flow, counts, limit in flat if limit is not None]
        budgets = (
            Meter(f"{each.counts}_{_PER[each.per]}", Flow.BUDGET, each.counts, each.amount, each.per)
            for each in self.budgets
        )
        return *found, *budgets


def limits_of(plain: Mapping[str, Any] | None) -> Limits | None:
    """Of a token's facts. What a newer server limits and this one does not know is passed over."""
    if not plain:
        return None
    budgets = tuple(
        Budget(Counted(each["counts"]), Period(each["per"]), each["amount"])
        for each in plain.get("budgets") or ()
        if each["counts"] in set(Counted) and each["per"] in set(Period)
    )
    return Limits(
        plain.get("requests_per_minute"), plain.get("tokens_per_minute"), plain.get("concurrent_requests"), budgets
    )


_PER = {Period.DAY: "per_day", Period.MONTH: "per_month", Period.TOTAL: "in_total"}
