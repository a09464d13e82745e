"""A local gateway leases what limited tokens may use over its node's session."""

import json
from collections.abc import AsyncIterator

import pytest

from agent.local_gateway.leasing import SiteLeasing
from controlplane.auth.access_tokens import create_access_token
from controlplane.fleet.access import accept_user
from controlplane.gateway.lease_desk import LeaseDesk
from controlplane.store.memory import MemoryStore
from homeport.core.limits.borrower import Borrower
from homeport.core.limits.limits import Limits, limits_of
from homeport.gateway.limits.charge import Charge
from homeport.gateway.limits.limit_errors import LimitError
from homeport.gateway.limits.limiter import Limiter
from homeport.schema.access import UserSpec
from tests.fakes.clock import FakeClock

LIMITS = {"budgets": [{"counts": "requests", "per": "total", "amount": 40}]}
KNOWN = limits_of(LIMITS) or Limits()


class Waiter:
    admitted: Charge | None = None
    refused = False

    def on_admitted(self, charge: Charge) -> None:
        self.admitted = charge

    def on_limited(self, error: LimitError) -> None:
        self.refused = True


class LocalGateway:
    """Its session is a number that the test changes."""

    def __init__(self, desk: LeaseDesk, clock: FakeClock) -> None:
        self.desk = desk
        self.session = 0
        self.said: list[str] = []
        self.limiter = Limiter(Borrower("node/n1", "boot"), clock, clock)
        self.leasing = SiteLeasing(self.limiter, lambda: self.session, self._say)

    def _say(self, report_json: str) -> bool:
        self.said.append(report_json)
        return True

    def talk(self) -> None:
        self.leasing.look()
        while self.said:
            self.leasing.granted(self.desk.hear_site("n1", self.session, self.said.pop(0)))

    def ask(self, token: str) -> bool:
        waiter = Waiter()
        try:
            charge = self.limiter.admit(waiter, token, KNOWN, 0)
        except LimitError:
            return False
        self.talk()
        charge = charge or waiter.admitted
        if charge is not None:
            charge.end()
        return charge is not None


@pytest.fixture
async def clock() -> FakeClock:
    return FakeClock(1_000_000_000.0)


@pytest.fixture
async def store(clock: FakeClock) -> AsyncIterator[MemoryStore]:
    store = MemoryStore(clock)
    await store.open()
    await store.write(lambda tx: accept_user(tx, UserSpec(id="anna")))
    yield store
    await store.close()


async def test_it_admits_with_a_link_goes_on_with_its_rest_without_and_all_is_counted_once(
    store: MemoryStore, clock: FakeClock
) -> None:
    token = (await store.write(lambda tx: create_access_token(tx, "x", "user/anna", limits=LIMITS)))[0].id
    desk = LeaseDesk(store, clock, clock)
    desk.load()
    gateway = LocalGateway(desk, clock)
    assert not gateway.ask(token), "nobody has lent it anything yet"
    gateway.session = 1
    gateway.talk()
    assert [gateway.ask(token) for _ in range(10)] == [True] * 10
    gateway.session = 0
    desk.site_gone("n1", 1)
    gateway.talk()
    alone = sum(gateway.ask(token) for _ in range(40))
    assert 0 < alone < 30, "it goes on with what it holds of the budget"
    clock.now += 86_400
    gateway.session = 2
    gateway.talk()
    assert desk.usage(token)[0]["used"] == 10 + alone
    assert sum(gateway.ask(token) for _ in range(60)) == 40 - 10 - alone
    gateway.talk()
    assert desk.usage(token)[0]["used"] == 40


async def test_a_node_speaks_for_itself_alone(store: MemoryStore, clock: FakeClock) -> None:
    token = (await store.write(lambda tx: create_access_token(tx, "x", "user/anna", limits=LIMITS)))[0].id
    desk = LeaseDesk(store, clock, clock)
    part = {"days": {"2001-09-09": [5, 0, 0]}}
    report = {"member": "gateway-0", "boot": "b", "number": 1, "tokens": {token: part}, "first": True}
    for node in ("n1", "n2"):
        assert json.loads(desk.hear_site(node, node, json.dumps(report)))["number"] == 1
    assert desk.usage(token)[0]["used"] == 10
