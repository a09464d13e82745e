"""What limited tokens use at several gateways, lent and kept by the control plane."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from controlplane.auth.access_tokens import create_access_token
from controlplane.fleet.access import accept_user
from controlplane.gateway.fed_worker import FedWorker
from controlplane.gateway.lease_desk import LeaseDesk, period_end
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind
from homeport.core import canonical
from homeport.core.limits.borrower import Borrower
from homeport.core.limits.limits import Period, limits_of
from homeport.core.limits.report import Grant
from homeport.schema.access import UserSpec
from tests.fakes.clock import FakeClock

DAY = "2001-09-09"


class Gateway:
    """One gateway's borrowing, over the feed's messages."""

    def __init__(self, desk: LeaseDesk, clock: FakeClock, name: str, boot: str = "boot") -> None:
        self.desk, self.clock = desk, clock
        self.borrower = Borrower(name, boot)
        self.connect(desk)

    def connect(self, desk: LeaseDesk) -> None:
        self.desk = desk
        self.worker = FedWorker({"worker": self.borrower.member})
        self.borrower.connected()

    def exchange(self) -> None:
        report = self.borrower.report(self.clock(), DAY)
        if report is not None:
            self.desk.hear(self.worker, json.loads(json.dumps(canonical.to_plain(report))))
            answer = json.loads(self.worker.outbox.get_nowait())
            self.borrower.take(canonical.from_plain(Grant, answer["lease_grant"]), self.clock())

    def ask(self, token_id: str, limits: dict[str, Any]) -> bool:
        """Whether one more request is admitted."""
        known = limits_of(limits)
        assert known is not None
        for _ in range(2):
            if not self.borrower.admit(token_id, known, 0, self.clock(), DAY):
                self.borrower.end(token_id, 0, 0, self.clock(), DAY)
                return True
            self.borrower.want(token_id, known, 0)
            self.exchange()
        return False


class Office:
    def __init__(self, store: MemoryStore, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self.desk = self.new_desk()

    def new_desk(self) -> LeaseDesk:
        self.desk = LeaseDesk(self.store, self.clock, self.clock)
        self.desk.load()
        return self.desk

    async def token(self, limits: dict[str, Any]) -> str:
        made = await self.store.write(lambda tx: create_access_token(tx, "x", "user/anna", limits=limits))
        return made[0].id

    def used(self, token_id: str) -> list[int]:
        return [each["used"] for each in self.desk.usage(token_id)]


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    clock = FakeClock(1_000_000_000.0)
    store = MemoryStore(clock)
    await store.open()
    await store.write(lambda tx: accept_user(tx, UserSpec(id="anna")))
    yield Office(store, clock)
    await store.close()


async def test_four_gateways_together_admit_what_the_token_may_use(office: Office) -> None:
    limits = {"requests_per_minute": 100, "budgets": [{"counts": "requests", "per": "month", "amount": 150}]}
    token = await office.token(limits)
    gateways = [Gateway(office.desk, office.clock, f"gateway-{n}") for n in range(4)]
    admitted = 0
    for _ in range(40):
        admitted += sum(each.ask(token, limits) for each in gateways)
        office.clock.now += 0.5
    assert admitted == 100
    office.clock.now += 61
    for _ in range(40):
        admitted += sum(each.ask(token, limits) for each in gateways)
        office.clock.now += 0.5
    assert admitted == 150
    assert [each["left"] for each in office.desk.usage(token)] == [50, 0]


async def test_nothing_is_counted_twice_whoever_is_killed(office: Office) -> None:
    limits = {"budgets": [{"counts": "requests", "per": "total", "amount": 1000}]}
    token = await office.token(limits)
    first, second = (Gateway(office.desk, office.clock, f"gateway-{n}") for n in range(2))
    assert all(each.ask(token, limits) for each in [first, second] * 10)
    first.exchange()
    second.exchange()
    await office.desk.keep()
    assert all(each.ask(token, limits) for each in [first, second] * 5)
    first.exchange()  # Heard, and not in the store yet: the control plane is killed.
    for gateway in (first, second):
        gateway.borrower.cut_off(office.clock())
        gateway.connect(office.new_desk() if gateway is first else office.desk)
    assert office.used(token) == [20]
    office.clock.now += 5
    first.exchange()
    second.exchange()
    assert office.used(token) == [30]
    third = Gateway(office.desk, office.clock, "gateway-0", boot="after a kill -9")
    assert third.ask(token, limits)
    third.exchange()
    await office.desk.keep()
    office.new_desk()
    assert office.used(token) == [31]


async def test_what_is_kept_need_not_be_said_again(office: Office) -> None:
    limits = {"budgets": [{"counts": "requests", "per": "total", "amount": 1000}]}
    token = await office.token(limits)
    gateway = Gateway(office.desk, office.clock, "gateway-0")
    assert gateway.ask(token, limits)
    gateway.exchange()
    await office.desk.keep()
    for day in ("2001-09-10", "2001-09-11", "2001-09-12"):
        office.clock.now += 86_400
        assert not gateway.borrower.admit(token, _known(limits), 0, office.clock(), day)
        gateway.borrower.end(token, 0, 0, office.clock(), day)
        report = gateway.borrower.report(office.clock(), day)
        assert report is not None
        gateway.borrower.take(office.desk.exchange(report), office.clock())
        await office.desk.keep()
    gateway.borrower.cut_off(office.clock())
    gateway.borrower.connected()
    report = gateway.borrower.report(office.clock(), "2001-09-12")
    assert report is not None
    assert DAY not in report.tokens[token].days
    assert office.used(token) == [4]


async def test_the_usage_of_a_token_goes_with_it(office: Office) -> None:
    limits = {"requests_per_minute": 100}
    token = await office.token(limits)
    gateway = Gateway(office.desk, office.clock, "gateway-0")
    assert gateway.ask(token, limits)
    gateway.exchange()
    await office.desk.keep()
    assert office.store.get(Kind.TOKEN_USAGE, token) is not None
    await office.store.write(lambda tx: tx.delete(Kind.ACCESS_TOKEN, token))
    await office.desk.keep()
    assert office.store.get(Kind.TOKEN_USAGE, token) is None


async def test_a_gateway_that_does_not_come_back_leaves_its_share_to_others(office: Office) -> None:
    limits = {"concurrent_requests": 8}
    token = await office.token(limits)
    gone, left = (Gateway(office.desk, office.clock, f"gateway-{n}") for n in range(2))
    known = _known(limits)
    assert gone.ask(token, limits)
    held = 8
    while gone.borrower.admit(token, known, 0, office.clock(), DAY) == []:
        held -= 1
    office.desk.gone(gone.worker)
    office.clock.now += 61
    office.desk.forget_ended()
    for _ in range(8):
        if left.borrower.admit(token, known, 0, office.clock(), DAY):
            left.borrower.want(token, known, 0)
            left.exchange()
            assert not left.borrower.admit(token, known, 0, office.clock(), DAY)
    assert held < 8


def _known(limits: dict[str, Any]) -> Any:
    return limits_of(limits)


@pytest.mark.parametrize(
    ("period", "end"), [(Period.DAY, 1_000_080_000.0), (Period.MONTH, 1_001_894_400.0), (Period.TOTAL, None)]
)
def test_a_period_ends_at_midnight_of_utc(period: Period, end: float | None) -> None:
    assert period_end(period, 1_000_000_000.0) == end
