"""A member: admits requests from what it has leased, and asks for more where that is short."""

from collections import defaultdict

from homeport.core.limits.account import Account, Remainder, Shortage, cost
from homeport.core.limits.limits import Limits
from homeport.core.limits.report import Grant, Part, Report

# What is held unused is said again so often, so that it can be called back.
_HELD_SECONDS = 2.0
# With so many it reckons to share before it is told.
_MEMBERS = 4


class Borrower:
    """`boot` is another one each time its counts begin at zero. `now` is of a clock that never goes back, `today` a
    date of UTC. Nobody lends before the first grant: until then it is alone."""

    def __init__(self, member: str, boot: str) -> None:
        self.member = member
        self._boot = boot
        self._accounts: dict[str, Account] = {}
        # Of requests that wait for the next grant, by token and meter.
        self._needs: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._number = 0
        self._told_needs: dict[str, dict[str, int]] = {}
        self._is_connected = False
        self._first = True
        self._in_turn = False
        self._held_told_at = 0.0
        self._members = _MEMBERS
        # By report, the first day that was still going on.
        self._days_of_reports: dict[int, str] = {}

    @property
    def must_ask(self) -> bool:
        """Somebody waits for what the next grant brings."""
        return bool(self._needs)

    @property
    def may_report(self) -> bool:
        return self._is_connected and not self._in_turn

    # ---- requests

    def admit(self, token_id: str, limits: Limits, tokens: int, now: float, today: str) -> list[Shortage]:
        """Empty: it is admitted. With seconds to wait less than 0 the lender is to be asked first: `want` says so."""
        account = self._account(token_id, limits)
        shortages = account.shortages(limits, tokens, now)
        if not shortages:
            account.begin(tokens, now, today)
        return shortages

    def want(self, token_id: str, limits: Limits, tokens: int) -> None:
        """One more request waits for the next grant."""
        needs = self._needs[token_id]
        for meter in limits.meters:
            needs[meter.name] += cost(meter, tokens)

    def end(self, token_id: str, prompt: int, completion: int, now: float, day: str) -> None:
        """See Account.end."""
        self._accounts[token_id].end(prompt, completion, now, day)

    def remainders(self, token_id: str, now: float) -> list[Remainder]:
        account = self._accounts.get(token_id)
        return [] if account is None else account.remainders(now)

    # ---- the lender

    def connected(self) -> None:
        self._is_connected = self._first = True
        self._in_turn = False

    def cut_off(self, now: float) -> None:
        """There is nobody to ask."""
        self._is_connected = self._in_turn = False
        self.go_alone(now)

    def go_alone(self, now: float) -> None:
        """Until the next grant, if one comes."""
        self._needs.clear()
        for account in self._accounts.values():
            account.stay_alone(now)

    def report(self, now: float, today: str) -> Report | None:
        """What is new; None when nothing is, or before the grant for the last one."""
        if not self.may_report:
            return None
        repeats = now - self._held_told_at >= _HELD_SECONDS
        self._told_needs = {token_id: dict(needs) for token_id, needs in self._needs.items()}
        self._needs.clear()
        parts: dict[str, Part] = {}
        for token_id, account in self._accounts.items():
            needs = self._told_needs.get(token_id, {})
            if self._first or needs or account.is_news or (repeats and account.holds()):
                parts[token_id] = account.part(needs, self._first or account.is_alone, now)
        if not parts and not self._first:
            return None
        if repeats:
            self._held_told_at = now
        self._number += 1
        self._days_of_reports[self._number] = today
        report = Report(self.member, self._boot, self._number, parts, self._first)
        self._in_turn, self._first = True, False
        return report

    def take(self, grant: Grant, now: float) -> None:
        """The answer to the last report; others are passed over."""
        if grant.number != self._number or not self._in_turn:
            return
        self._in_turn = False
        self._members = max(1, grant.members)
        if grant.settling:
            self.go_alone(now)
        for token_id, leases in grant.tokens.items():
            account = self._accounts[token_id]
            account.members = self._members
            account.take(leases, self._told_needs.get(token_id, {}), now)
        self._forget_days(grant.kept)

    def _account(self, token_id: str, limits: Limits) -> Account:
        account = self._accounts.get(token_id)
        if account is None:
            account = self._accounts[token_id] = Account(limits, self._members, not self._is_connected)
        return account

    def _forget_days(self, kept: int) -> None:
        """What was reported on a later day and is durable needs no saying again."""
        done = [number for number in self._days_of_reports if number <= kept]
        if not done:
            return
        today = self._days_of_reports[max(done)]
        for number in done:
            del self._days_of_reports[number]
        for token_id, account in list(self._accounts.items()):
            account.prune(today)
            if not account.days and not account.holds():
                del self._accounts[token_id]
