"""Which replica of a node takes a request, and which are out for a while. Times are absolute."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from agent.relay.deployment import DeploymentRelay, Upstream
from agent.relay.replicas import Replicas
from homeport.core.balance.balancing import Balancing, Sticky
from homeport.core.balance.ejection import Failure
from tests.fakes.clock import FakeClock

TERMS = DeploymentRelay("chat", 1, 0, 1, 3, 2, 30.0, 3, 60.0, "")
NAMES = ("r1", "r2", "r3")


class Bench:
    def __init__(self, balancing: Balancing | None = None) -> None:
        self.clock = FakeClock()
        self.terms = replace(TERMS, balancing=balancing)
        self.replicas = Replicas(self.terms, self.clock, random.Random(5).random)
        self.replicas.set([Upstream(name, "127.0.0.1", 1000 + number) for number, name in enumerate(NAMES)])

    def pick(self, affinity: str = "", tried: tuple[str, ...] = ()) -> str:
        replica = self.replicas.pick(tried, affinity)
        return replica.name if replica is not None else ""

    def occupy(self, name: str, count: int = 1) -> None:
        replica = self.replicas.get(name)
        assert replica is not None
        for _ in range(count):
            replica.requests.add(object())  # type: ignore[arg-type]

    def fail(self, name: str, failure: Failure, at: float) -> bool:
        self.clock.now = at
        replica = self.replicas.get(name)
        assert replica is not None
        return self.replicas.failed(replica, failure, at)

    def answer(self, name: str, at: float) -> bool:
        self.clock.now = at
        replica = self.replicas.get(name)
        assert replica is not None
        return self.replicas.answered(replica, at)

    def usable(self, at: float) -> list[str]:
        self.clock.now = at
        return [replica.name for replica in self.replicas.usable()]


async def test_the_least_busy_one_with_room() -> None:
    bench = Bench()
    bench.occupy("r1", 2)
    bench.occupy("r2", 1)
    assert bench.pick() == "r3"
    assert bench.pick(tried=("r3",)) == "r2"
    bench.occupy("r2", 1)
    bench.occupy("r3", 2)
    assert bench.pick() == ""
    assert not bench.replicas.has_room()


async def test_turns_go_round() -> None:
    bench = Bench(Balancing("round_robin"))
    assert [bench.pick() for _ in range(6)] == ["r1", "r2", "r3"] * 2


@pytest.mark.parametrize("balancing", [Balancing("ip_hash"), Balancing(sticky=Sticky("header", "x"))])
async def test_requests_that_belong_together_go_to_the_same_replica_while_it_has_room(balancing: Balancing) -> None:
    bench = Bench(balancing)
    homes = {f"client {number}": bench.pick(f"client {number}") for number in range(30)}
    assert set(homes.values()) == set(NAMES)
    assert all(bench.pick(client) == home for client, home in homes.items())
    bench.occupy("r1", 2)
    away = {client: bench.pick(client) for client in homes}
    assert all(away[client] == home for client, home in homes.items() if home != "r1")
    assert {away[client] for client, home in homes.items() if home == "r1"} <= {"r2", "r3"}
    bench.replicas.pop("r1")
    assert all(bench.pick(client) == home for client, home in homes.items() if home != "r1")


async def test_the_one_that_answers_sooner_is_preferred() -> None:
    bench = Bench(Balancing("power_of_two"))
    for name, sent_at, answered_at in (("r1", 0.0, 5.0), ("r2", 5.0, 5.1), ("r3", 5.1, 5.2)):
        bench.clock.now = answered_at
        replica = bench.replicas.get(name)
        assert replica is not None and replica.is_watched
        bench.replicas.answered(replica, sent_at)
    picked = Counter(bench.pick() for _ in range(30))
    assert picked["r1"] == 0 and len(picked) == 2
    for _ in range(200):
        bench.replicas.tick()
    slow = bench.replicas.get("r1")
    assert slow is not None and slow.latency_seconds < 0.001, "what was long ago does not count for ever"


async def test_one_that_cannot_be_reached_is_out_and_comes_back_on_trial() -> None:
    bench = Bench()
    assert bench.fail("r1", Failure.UNREACHABLE, 10.0)
    assert bench.usable(10.4) == ["r2", "r3"]
    assert {bench.pick() for _ in range(5)} == {"r2"}
    bench.clock.now = 10.5
    assert bench.pick() == "r1", "one request shows whether it is well"
    assert bench.pick() == "r2", "and no second one meanwhile"
    assert bench.fail("r1", Failure.LOST, 10.6)
    assert bench.usable(11.5) == ["r2", "r3"], "a second out"
    bench.clock.now = 11.6
    assert bench.pick() == "r1"
    assert bench.answer("r1", 11.7)
    assert bench.usable(11.7) == ["r1", "r2", "r3"]
    assert not any(replica.is_watched for replica in bench.replicas), "well again: nobody looks any longer"


async def test_never_the_last_one_unless_nobody_can_reach_it() -> None:
    bench = Bench()
    for name in NAMES:
        bench.fail(name, Failure.LOST, 10.0)
    assert bench.usable(10.1) == ["r1", "r2", "r3"]
    assert bench.pick() == "r1"
    bench.fail("r1", Failure.UNREACHABLE, 10.2)
    assert bench.usable(10.3) == ["r2", "r3"]
    for name in ("r2", "r3"):
        bench.fail(name, Failure.UNREACHABLE, 10.3)
    assert bench.usable(10.4) == [], "requests wait rather than fail"
    assert bench.usable(11.3) != []


async def test_bad_gateways_add_up_until_an_answer() -> None:
    bench = Bench()
    assert [bench.fail("r1", Failure.BAD_GATEWAY, 10.0) for _ in range(4)] == [False] * 4
    assert bench.answer("r1", 10.0)
    assert [bench.fail("r1", Failure.BAD_GATEWAY, 10.0) for _ in range(5)] == [False] * 4 + [True]


async def test_a_restarted_replica_has_a_clean_record() -> None:
    bench = Bench()
    bench.fail("r1", Failure.UNREACHABLE, 10.0)
    others = [Upstream("r2", "127.0.0.1", 1001), Upstream("r3", "127.0.0.1", 1002)]
    bench.replicas.set(others)
    bench.replicas.set([Upstream("r1", "127.0.0.1", 1000), *others])
    assert sorted(bench.usable(10.1)) == ["r1", "r2", "r3"]


async def test_who_is_unwell_takes_what_nobody_else_can_and_nothing_more() -> None:
    bench = Bench()
    where = [Upstream(name, "127.0.0.1", 1000 + number) for number, name in enumerate(NAMES)]
    bench.replicas.set([replace(where[0], is_unwell=True), *where[1:]])
    assert {bench.pick(tried=tried) for tried in ((), ("r2",), ("r3",))} == {"r2", "r3"}
    bench.occupy("r2", 2)
    bench.occupy("r3", 2)
    assert bench.replicas.pick(anyone=True) is None, "the well ones are only busy"
    assert not bench.replicas.has_room()
    bench.replicas.set([replace(each, is_unwell=True) for each in where])
    assert bench.usable(0.0) == [], "so other nodes go first"
    assert bench.pick() == ""
    chosen = bench.replicas.pick(anyone=True)
    assert chosen is not None
    assert chosen.name == "r1", "the others are full"
    assert bench.replicas.has_room()
    bench.fail("r1", Failure.UNREACHABLE, 0.0)
    assert bench.replicas.pick(anyone=True) is None, "there is nobody"
    bench.replicas.set(where)
    bench.clock.now = 60.0
    assert bench.pick() == "r1"


async def test_who_becomes_unwell_keeps_what_it_has() -> None:
    bench = Bench()
    where = [Upstream(name, "127.0.0.1", 1000 + number) for number, name in enumerate(NAMES)]
    bench.occupy("r1")
    assert bench.replicas.set([replace(where[0], is_unwell=True), *where[1:]]) == []
    replica = bench.replicas.get("r1")
    assert replica is not None
    assert (replica.in_flight, replica.leaving) == (1, False)
