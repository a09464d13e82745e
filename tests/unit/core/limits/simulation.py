"""A lender and its members on a clock of their own. A message takes one turn, and so does its answer."""

from dataclasses import dataclass, field

from homeport.core.limits.borrower import Borrower
from homeport.core.limits.ledger import TokenLedger
from homeport.core.limits.lender import Lender
from homeport.core.limits.limits import Limits
from homeport.core.limits.report import Grant, Report

TURN = 0.05
TODAY = "2026-11-21"
TOKEN = "shop"


@dataclass
class Waiting:
    tokens: int
    since: float


@dataclass
class Member:
    """`arrivals` is requests a second. A request that is admitted ends after `takes` seconds."""

    name: str
    arrivals: float = 0.0
    takes: float = 0.5
    boots: int = 0
    admitted: int = 0
    borrower: Borrower = field(init=False)
    connected: bool = False
    due: float = 0.0
    waiting: list[Waiting] = field(default_factory=list)
    running: list[tuple[float, int]] = field(default_factory=list)
    sent: Report | None = None
    answer: Grant | None = None

    def __post_init__(self) -> None:
        self.boot()

    def boot(self) -> None:
        self.boots += 1
        self.admitted = 0
        self.borrower = Borrower(self.name, f"boot-{self.boots}")
        self.connected, self.due = False, 0.0
        self.waiting, self.running = [], []
        self.sent = self.answer = None


class Simulation:
    """`estimate` tokens are reckoned with for a request, `actual` is what it turns out to be."""

    def __init__(self, limits: Limits, *arrivals: float, estimate: int = 0, actual: int = 0) -> None:
        self.limits = limits
        self.now = 1000.0
        self.estimate, self.actual = estimate, actual
        self.members = [Member(f"gateway-{n}", rate) for n, rate in enumerate(arrivals)]
        self.lender = self.new_lender(0.0)
        # Of each admitted request: when, and by whom.
        self.admitted: list[tuple[float, str]] = []
        self.refused = 0

    def new_lender(self, settle_seconds: float) -> Lender:
        self.lender = Lender(lambda token_id: self.limits, self.now + settle_seconds)
        return self.lender

    def restart_lender(self) -> None:
        """With what it had written down."""
        ledgers = self.lender.ledgers
        self.new_lender(2.0).ledgers = ledgers
        for member in self.members:
            self.cut(member)

    def cut(self, member: Member) -> None:
        if member.connected:
            member.connected = False
            member.sent = member.answer = None
            member.borrower.cut_off(self.now)
            self.lender.cut_off(member.name, self.now)

    def connect(self, member: Member) -> None:
        if not member.connected:
            member.connected = True
            member.borrower.connected()

    def kill(self, member: Member) -> int:
        """How many of its requests were never reported."""
        ledger = self.lender.ledgers.get(TOKEN, TokenLedger())
        boot, days = ledger.plain()["marks"].get(member.name, ("", {}))
        known = days.get(TODAY, [0])[0] if boot == f"boot-{member.boots}" else 0
        unknown = member.admitted - known
        self.cut(member)
        member.boot()
        return int(unknown)

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            for member in self.members:
                self._turn(member)
            self.now += TURN

    def in_last_minute(self) -> int:
        return sum(at > self.now - 60 for at, _ in self.admitted)

    def most_in_a_minute(self) -> int:
        times = [at for at, _ in self.admitted]
        most = first = 0
        for last, at in enumerate(times):
            while times[first] <= at - 60:
                first += 1
            most = max(most, last - first + 1)
        return most

    def _turn(self, member: Member) -> None:
        if member.answer is not None:
            member.borrower.take(member.answer, self.now)
            member.answer = None
        for waiting in member.waiting[:]:
            member.waiting.remove(waiting)
            self._admit(member, waiting)
        for end in [each for each in member.running if each[0] <= self.now]:
            member.running.remove(end)
            member.borrower.end(TOKEN, 0, self.actual - end[1], self.now, TODAY)
        member.due += member.arrivals * TURN
        while member.due >= 1:
            member.due -= 1
            self._admit(member, Waiting(self.estimate, self.now))
        if member.connected and member.sent is not None:
            plain_grant = self.lender.exchange(member.sent, self.now, TODAY, member.sent.number)
            member.sent, member.answer = None, plain_grant
        elif member.connected:
            member.sent = member.borrower.report(self.now, TODAY)

    def _admit(self, member: Member, request: Waiting) -> None:
        shortages = member.borrower.admit(TOKEN, self.limits, request.tokens, self.now, TODAY)
        if not shortages:
            self.admitted.append((self.now, member.name))
            member.admitted += 1
            member.running.append((self.now + member.takes, request.tokens))
        elif all(each.retry_after_seconds >= 0 for each in shortages) or self.now - request.since > 1:
            self.refused += 1
        else:
            member.waiting.append(request)
            member.borrower.want(TOKEN, self.limits, request.tokens)
