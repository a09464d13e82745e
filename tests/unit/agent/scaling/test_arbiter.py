"""What a node's replicas, placements and traffic come to for the arbitration. Whole stories are in tests/fleet."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from agent.placement import DesiredState, Placement, Version
from agent.reconcile.replica import Replica
from agent.scaling.arbiter import Arbiter, room_of
from homeport.core.arbitration.room import Claim, Room
from homeport.core.autoscale.demand import Demand
from homeport.core.policy import Policy
from homeport.core.resources import ComputeNeeds, DeviceShare, Inventory
from homeport.core.status import ReplicaStatus
from homeport.core.workload import Workload
from tests.fakes.clock import FakeClock
from tests.fleet.virtual_time import run_in_virtual_time

S = ReplicaStatus
GPU = Workload("simulated", needs=ComputeNeeds(accelerators=1))


def placement(id: str, deployment: str = "", least: int = 0, revision: int = 1, priority: int = 0) -> Placement:
    shares = (DeviceShare("gpu-0", 1),)
    policy = Policy(priority=priority)
    return Placement(id, deployment or id, revision, 0, least, 1, GPU, "h", policy, shares)


@dataclass
class Record:
    """As much of agent.state.journal.ReplicaRecord as is looked at."""

    placement_id: str
    deployment_id: str
    workload: Workload = GPU
    gpu_uuids: tuple[str, ...] = ("gpu-0",)
    gpu_milli: int = 1000


@dataclass
class Running:
    """As much of a Replica."""

    record: Record
    status: ReplicaStatus = S.READY
    status_at: float = 0.0

    @property
    def replica_id(self) -> str:
        return f"{self.record.placement_id}-1"


class Node:
    def __init__(self, *replicas: Running) -> None:
        self.clock = FakeClock()
        self.clock.advance(100)
        self.replicas: list[Any] = list(replicas)
        for replica in self.replicas:
            replica.status_at += self.clock.now - 100
        self.demands: dict[str, Demand] = {}
        self.busy: set[str] = set()
        self.start_seconds: float | None = 5.0
        self.applied: list[tuple[dict[str, int], frozenset[str]]] = []
        self.arbiter = Arbiter(
            lambda: self.replicas,
            lambda id: self.demands.get(id, Demand()),
            lambda id: self.start_seconds,
            lambda replica: int(replica.replica_id in self.busy),
            lambda: Room(None, None),
            self._want,
            self.clock,
        )

    def _want(self, desired: DesiredState, allowed: Mapping[str, int], first: frozenset[str]) -> None:
        self.applied.append((dict(allowed), first))

    def apply(self, *placements: Placement, removed: str = "", **wanted: int) -> tuple[dict[str, int], frozenset[str]]:
        state = DesiredState(
            Version("s", 1), {each.placement_id: each for each in placements}, frozenset(removed.split())
        )

        async def applied() -> None:
            self.arbiter.apply(state, wanted)
            self.arbiter.close()

        run_in_virtual_time(applied())
        return self.applied[-1]


def test_what_nobody_contests_is_passed_on() -> None:
    node = Node(Running(Record("a", "a")))
    assert node.apply(placement("a"), a=1) == ({"a": 1}, frozenset())
    assert node.apply(placement("a"), a=0) == ({"a": 0}, frozenset())


def test_an_idle_one_gives_way_to_who_waits_and_is_named() -> None:
    node = Node(Running(Record("a", "a")))
    node.demands["b"] = Demand(queued=1, oldest_wait_seconds=0.0)
    assert node.apply(placement("a"), placement("b"), a=1, b=1) == ({"a": 0, "b": 0}, frozenset({"a-1"}))


def test_one_with_requests_in_flight_or_waiting_is_not_idle() -> None:
    node = Node(Running(Record("a", "a")))
    node.demands["b"] = Demand(queued=1)
    node.busy = {"a-1"}
    assert node.apply(placement("a"), placement("b"), a=1, b=1) == ({"a": 1, "b": 0}, frozenset())
    assert node.arbiter.pressure == {"b": 1}
    node.busy = set()
    node.demands["a"] = Demand(queued=3)
    assert node.apply(placement("a"), placement("b"), a=1, b=1)[0] == {"a": 1, "b": 0}


def test_how_long_it_stays_follows_from_its_own_start() -> None:
    node = Node(Running(Record("a", "a")))
    node.start_seconds = 60
    node.demands["b"] = Demand(queued=1)
    assert node.apply(placement("a"), placement("b"), a=1, b=1)[0] == {"a": 1, "b": 0}
    node.clock.advance(20)
    assert node.apply(placement("a"), placement("b"), a=1, b=1)[0] == {"a": 0, "b": 0}


def test_one_of_which_it_is_not_known_stays_for_a_minute() -> None:
    node = Node(Running(Record("a", "a"), status_at=41.0))
    node.start_seconds = None
    node.demands["b"] = Demand(queued=1)
    assert node.apply(placement("a"), placement("b"), a=1, b=1)[0] == {"a": 1, "b": 0}
    node.clock.advance(1)
    assert node.apply(placement("a"), placement("b"), a=1, b=1)[0] == {"a": 0, "b": 0}


def test_the_priority_is_the_deployments() -> None:
    node = Node(Running(Record("a", "a")))
    node.busy = {"a-1"}
    node.demands["b"] = Demand(queued=1)
    assert node.apply(placement("a"), placement("b", priority=1), a=1, b=1)[1] == {"a-1"}


def test_a_replica_of_a_removed_placement_is_its_successors_affair() -> None:
    """The plan replaces it; the successor is not short of anything meanwhile."""
    node = Node(Running(Record("old", "chat")))
    assert node.apply(placement("new", "chat", revision=2), removed="old", new=1)[0] == {"new": 1}
    assert node.arbiter.pressure == {}


def test_one_that_was_removed_without_a_successor_is_on_its_way_out() -> None:
    node = Node(Running(Record("a", "a")))
    node.demands["b"] = Demand(queued=1)
    assert node.apply(placement("b"), removed="a", b=1) == ({"b": 0}, frozenset())
    assert node.arbiter.pressure == {}


def test_one_that_cannot_be_killed_holds_its_device_against_all() -> None:
    node = Node(Running(Record("a", "a"), S.FENCED))
    assert node.apply(placement("a"), a=1)[0] == {"a": 1}, "the plan refuses it, with the reason"


def test_who_ends_makes_room_at_once() -> None:
    leaving = Running(Record("a", "a"), S.DRAINING)
    node = Node(leaving)
    node.demands["b"] = Demand(queued=1)
    node.apply(placement("a"), placement("b"), a=0, b=1)
    leaving.status = S.STOPPED
    node.replicas = []

    async def ends() -> None:
        node.arbiter.replica_changed(cast(Replica, leaving))

    run_in_virtual_time(ends())
    assert node.applied[-1][0] == {"a": 0, "b": 1}


def test_it_looks_again_when_a_replica_may_be_taken() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        node = Node(Running(Record("a", "a"), status_at=95.0))
        node.demands["b"] = Demand(queued=1)
        state = DesiredState(Version("s", 1), {id: placement(id) for id in "ab"})
        node.arbiter.apply(state, {"a": 1, "b": 1})
        assert node.applied[-1][0] == {"a": 1, "b": 0}
        began = loop.time()
        node.clock.advance(5)
        while len(node.applied) == 1:  # noqa: ASYNC110 - the clock is virtual
            await asyncio.sleep(0.1)
        assert 5 <= loop.time() - began < 5.5
        assert node.applied[-1] == ({"a": 0, "b": 0}, frozenset({"a-1"}))

    run_in_virtual_time(story())


def test_a_host_that_is_not_known_yet_stops_nobody() -> None:
    needs = Claim(cpu_milli=64_000, memory_bytes=1 << 40)
    assert room_of(Inventory("box"), ()).claim(needs, (), 0) is not None
    assert room_of(Inventory("box", cpu_milli=8000, memory_bytes=1 << 30), ()).claim(needs, (), 0) is None
    assert room_of(Inventory("box"), ["gpu-0"]).claim(Claim(), [("gpu-0", 100)], 1) is None
