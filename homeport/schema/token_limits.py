"""What an access token may use at most, and what of that is used."""

from typing import Literal

from pydantic import Field, field_validator

from homeport.schema.answer import Answer
from homeport.schema.base import ApiModel

_MOST = 1_000_000_000_000


class TokenBudget(ApiModel):
    """An amount that ends. Days and months are those of UTC."""

    counts: Literal["requests", "tokens"]
    per: Literal["day", "month", "total"]
    amount: int = Field(ge=1, le=_MOST)


class TokenLimits(ApiModel):
    """Tokens are those of prompt and answer together, as the model tells them. Null = any number."""

    requests_per_minute: int | None = Field(default=None, ge=1, le=_MOST)
    """In any 60 seconds."""
    tokens_per_minute: int | None = Field(default=None, ge=1, le=_MOST)
    """In any 60 seconds. A request counts with an estimate when it comes, and with what it took when it ends."""
    concurrent_requests: int | None = Field(default=None, ge=1, le=1_000_000)
    budgets: list[TokenBudget] | None = Field(default=None, max_length=6)

    @field_validator("budgets")
    @classmethod
    def _each_once(cls, budgets: list[TokenBudget] | None) -> list[TokenBudget] | None:
        kinds = [(each.counts, each.per) for each in budgets or ()]
        if len(set(kinds)) < len(kinds):
            raise ValueError("two budgets are of the same kind: give one amount for each of `counts` and `per`")
        return budgets


class MeterUse(Answer):
    """One of a token's limits, at this moment."""

    name: str
    """requests_per_minute, tokens_per_minute, concurrent_requests, or a budget as tokens_per_month."""
    limit: int
    used: int
    """Up to a second old; of gateways that are cut off, as they said last."""
    left: int
    resets_at: float | None
    """When all of it is there again, in unix seconds; null of what comes back as requests end, or never."""
