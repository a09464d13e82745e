"""What is said to a caller about its token's limits, in the words of OpenAI's API."""

import math
from collections.abc import Iterable

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.limits.account import Remainder, Shortage
from homeport.core.limits.limits import Counted, Flow

# Where nobody can tell when something is free again.
_SOON_SECONDS = 1.0


class LimitError(HomeportError):
    """`lines`: header lines of the answer."""

    def __init__(self, code: ErrorCode, message: str, hint: str, seconds: float | None, lines: bytes) -> None:
        super().__init__(code, message, hint=hint, retry_after_seconds=seconds)
        self.lines = lines


def refusal(token_id: str, shortages: Iterable[Shortage], remainders: Iterable[Remainder]) -> LimitError:
    """Of the shortage that lasts longest: a spent budget before anything else."""
    meter, wait = max(shortages, key=lambda each: (each.meter.flow is Flow.BUDGET, each.retry_after_seconds))
    lines = rate_lines(remainders)
    if meter.flow is Flow.BUDGET:
        return LimitError(
            ErrorCode.INSUFFICIENT_QUOTA,
            f"this access token's budget of {meter.limit:,} {_words(meter.name)} is spent",
            f"whoever manages the token can raise it: homeport token limits {token_id} --budget ...",
            None,
            lines + b"x-should-retry: false\r\n",
        )
    if meter.flow is Flow.CONCURRENCY:
        message = f"this access token may have {meter.limit:,} requests at once, and has"
    else:
        message = f"this access token may use {meter.limit:,} {_words(meter.name)}, and has"
    hint = f"wait, or have it raised by whoever manages the token: homeport token limits {token_id}"
    return LimitError(ErrorCode.RATE_LIMIT_EXCEEDED, message, hint, max(wait, _SOON_SECONDS), lines)


def rate_lines(remainders: Iterable[Remainder]) -> bytes:
    """Header lines, as OpenAI's API names them."""
    lines = b""
    for meter, left, resets_in in remainders:
        if meter.flow is Flow.RATE:
            what = b"requests" if meter.counts is Counted.REQUESTS else b"tokens"
            lines += b"x-ratelimit-limit-%b: %d\r\nx-ratelimit-remaining-%b: %d\r\nx-ratelimit-reset-%b: %ds\r\n" % (
                *(what, meter.limit),
                *(what, left),
                *(what, math.ceil(resets_in)),
            )
    return lines


def _words(name: str) -> str:
    return name.replace("_", " ")
