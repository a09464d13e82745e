"""Admits requests with limited access tokens from what this gateway has leased, and lets them wait for an answer of the
lender where that is short."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from homeport.core.limits.account import Remainder
from homeport.core.limits.borrower import Borrower
from homeport.core.limits.limits import Limits
from homeport.core.limits.report import Grant, Report
from homeport.core.token_usage import estimate
from homeport.gateway.limits.charge import Charge
from homeport.gateway.limits.limit_errors import LimitError, refusal

# For an answer of the lender.
_PATIENCE_SECONDS = 1.0
# Weight of the newest request in the average of how many tokens one takes.
_NEWEST = 0.2
_REMEMBERED = 4096


class Waiter(Protocol):
    def on_admitted(self, charge: Charge) -> None: ...

    def on_limited(self, error: LimitError) -> None: ...


class _Asked:
    __slots__ = ("limits", "prompt", "since", "token_id")

    def __init__(self, token_id: str, limits: Limits, prompt: int, since: float) -> None:
        self.token_id = token_id
        self.limits = limits
        self.prompt = prompt
        self.since = since


class Limiter:
    """`clock` is monotonic, `wall` unix seconds. `on_ask` is called when the lender is to hear something soon."""

    def __init__(self, borrower: Borrower, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self.on_ask: Callable[[], None] | None = None
        self._borrower = borrower
        self._clock = clock
        self._wall = wall
        self._waiting: dict[Waiter, _Asked] = {}
        # Tokens of a completion, by access token.
        self._completions: dict[str, float] = {}

    # ---- requests

    def admit(self, waiter: Waiter, token_id: str, limits: Limits, prompt_bytes: int) -> Charge | None:
        """None: the waiter hears. Raises LimitError."""
        return self._admit(waiter, _Asked(token_id, limits, estimate(prompt_bytes), self._clock()))

    def leave(self, waiter: Waiter) -> None:
        """It does not wait any longer."""
        self._waiting.pop(waiter, None)

    def end(self, token_id: str, prompt: int, completion: int, day: str) -> None:
        """See Account.end."""
        if completion:
            if len(self._completions) >= _REMEMBERED:
                self._completions.clear()
            before = self._completions.get(token_id, completion)
            self._completions[token_id] = before + (completion - before) * _NEWEST
        self._borrower.end(token_id, prompt, completion, self._clock(), day)

    def remainders(self, token_id: str) -> list[Remainder]:
        return self._borrower.remainders(token_id, self._clock())

    def check(self, now: float) -> None:
        """Called about every second: nobody waits longer than that for a lender that does not answer."""
        if any(now - asked.since > _PATIENCE_SECONDS for asked in self._waiting.values()):
            self._borrower.go_alone(now)
            self._retry_all()

    # ---- the lender

    @property
    def must_ask(self) -> bool:
        return self._borrower.must_ask

    def connected(self) -> None:
        self._borrower.connected()

    def cut_off(self) -> None:
        self._borrower.cut_off(self._clock())
        self._retry_all()

    def report(self) -> Report | None:
        return self._borrower.report(self._clock(), self._today())

    def granted(self, grant: Grant) -> None:
        self._borrower.take(grant, self._clock())
        self._retry_all()

    # ----

    def _admit(self, waiter: Waiter, asked: _Asked) -> Charge | None:
        token_id, limits = asked.token_id, asked.limits
        tokens = asked.prompt + round(self._completions.get(token_id, 0.0))
        now, today = self._clock(), self._today()
        shortages = self._borrower.admit(token_id, limits, tokens, now, today)
        if not shortages:
            return Charge(self, token_id, limits, asked.prompt, tokens, today)
        known = [each for each in shortages if each.retry_after_seconds >= 0]
        if known:
            raise refusal(token_id, known, self._borrower.remainders(token_id, now))
        self._waiting[waiter] = asked
        self._borrower.want(token_id, limits, tokens)
        if self.on_ask is not None:
            self.on_ask()
        return None

    def _retry_all(self) -> None:
        for waiter in list(self._waiting):
            self._retry(waiter)

    def _retry(self, waiter: Waiter) -> None:
        asked = self._waiting.pop(waiter, None)
        if asked is None:
            return
        try:
            charge = self._admit(waiter, asked)
        except LimitError as error:
            waiter.on_limited(error)
        else:
            if charge is not None:
                waiter.on_admitted(charge)

    def _today(self) -> str:
        return datetime.fromtimestamp(self._wall(), UTC).date().isoformat()


def lend_directly(limiter: Limiter, exchange: Callable[[Report], Grant]) -> Callable[[], None]:
    """For a lender in this process: asked on the event loop's next turn. What this returns says what is new."""
    loop = asyncio.get_running_loop()

    def tell() -> None:
        report = limiter.report()
        if report is not None:
            limiter.granted(exchange(report))

    def ask() -> None:
        loop.call_soon(tell)

    limiter.connected()
    limiter.on_ask = ask
    return tell
