"""Replicas that move: never fewer than there have to be, and in the end all of them where they should be."""

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from homeport.core.placement.handover import Handover, Leaving, hand_over
from homeport.core.placement.types import Budget, Candidate, Held, Wanted
from homeport.core.policy import Scaling
from homeport.core.resources import ComputeNeeds, Inventory
from homeport.core.status import NodeStatus
from tests.fakes.planning import plan

POOL = "office/a"

bounds = st.tuples(st.integers(0, 8), st.integers(1, 8)).map(sorted).map(lambda two: Scaling(two[0], two[1]))


def node(name: str, cores: int, draining: bool = False) -> Candidate:
    inventory = Inventory(name, cpu_milli=1000 * cores, drivers=("process",))
    return Candidate(name, name, POOL, NodeStatus.READY, inventory, draining=draining)


def wanted(scaling: Scaling, held: tuple[Held, ...] = ()) -> Wanted:
    return Wanted("chat", "process", ComputeNeeds(cpu_milli=1000), scaling, ((POOL,),), held)


class Drained:
    """One deployment on a fleet of which a node is being emptied: each round starts and lets go what is decided."""

    def __init__(self, scaling: Scaling, nodes: list[Candidate], gone: str) -> None:
        self.scaling = scaling
        before = plan(wanted(scaling), nodes)
        self.ready = {budget.node_id: max(budget.min_replicas, 1) for budget in before.budgets}
        self.held = tuple(Held(budget.node_id, budget.max_replicas) for budget in before.budgets)
        self.nodes = [replace(each, draining=each.node_id == gone) for each in nodes]
        self.gone = gone
        self.awaited = 0

    def round(self, rng: random.Random) -> None:
        planned = plan(wanted(self.scaling, self.held), self.nodes)
        there = {budget.node_id: budget for budget in planned.budgets}
        ready_there = sum(min(budget.max_replicas, self.ready.get(id, 0)) for id, budget in there.items())
        left = [held.node_id for held in self.held if held.node_id not in there]
        leaving = [Leaving(id, self.ready.get(id, 0)) for id in left]
        decided = hand_over(planned.budgets, ready_there, leaving, self.scaling)
        self._let_go(decided)
        self._become_ready(decided, rng)
        kept = [Held(kept.node_id, kept.replicas) for kept in decided.kept]
        self.held = (*(Held(id, budget.max_replicas) for id, budget in there.items()), *kept)
        self.awaited = sum(kept.awaited for kept in decided.kept)

    def _let_go(self, decided: Handover) -> None:
        allowed = {budget.node_id: budget.max_replicas for budget in decided.budgets}
        allowed |= {kept.node_id: kept.replicas for kept in decided.kept}
        self.ready = {id: min(count, allowed.get(id, 0)) for id, count in self.ready.items()}

    def _become_ready(self, decided: Handover, rng: random.Random) -> None:
        starting = [b.node_id for b in decided.budgets if self.ready.get(b.node_id, 0) < b.min_replicas]
        if starting:
            id = rng.choice(starting)
            self.ready[id] = self.ready.get(id, 0) + 1

    @property
    def serving(self) -> int:
        return sum(self.ready.values())


@given(bounds, st.lists(st.integers(0, 6), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_a_drain_never_goes_below_the_minimum_and_ends(scaling: Scaling, cores: list[int], rng: random.Random) -> None:
    nodes = [node(f"n{number}", count) for number, count in enumerate(cores)]
    fleet = Drained(scaling, nodes, rng.choice(nodes).node_id)
    never_below = min(scaling.min_replicas, fleet.serving)
    served = fleet.serving > 0
    for _ in range(30):
        fleet.round(rng)
        assert fleet.serving >= never_below
        assert fleet.serving > 0 or not served, "what serves goes on serving"
    left = fleet.ready.get(fleet.gone, 0)
    elsewhere = sum(count for number, count in enumerate(cores) if f"n{number}" != fleet.gone)
    if elsewhere >= scaling.max_replicas:
        assert left == 0
    assert fleet.awaited == 0, "what is left waits for nothing that could still come"
    before = dict(fleet.ready)
    fleet.round(rng)
    assert fleet.ready == before, "at rest"


budgets = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)).map(sorted), max_size=4).map(
    lambda found: tuple(Budget(f"n{rank}", rank, low, max(high, 1)) for rank, (low, high) in enumerate(found))
)
leavers = st.lists(st.builds(Leaving, st.uuids().map(str), st.integers(0, 4), st.booleans(), st.booleans()), max_size=4)


@given(budgets, st.integers(0, 16), leavers, bounds)
def test_nobody_keeps_more_than_it_has_and_who_must_go_keeps_nothing(
    planned: tuple[Budget, ...], ready_there: int, leaving: list[Leaving], scaling: Scaling
) -> None:
    decided = hand_over(planned, ready_there, leaving, scaling)
    has = {each.node_id: each for each in leaving}
    for kept in decided.kept:
        assert 0 <= kept.replicas <= has[kept.node_id].ready
        assert kept.replicas or has[kept.node_id].unheard
        assert not has[kept.node_id].at_once
    for before, after in zip(planned, decided.budgets, strict=True):
        assert before.min_replicas <= after.min_replicas <= max(before.min_replicas, after.max_replicas)
        assert (before.node_id, before.max_replicas) == (after.node_id, after.max_replicas)


@given(budgets, st.integers(0, 16), leavers)
def test_a_stopped_deployment_keeps_nothing(
    planned: tuple[Budget, ...], ready_there: int, leaving: list[Leaving]
) -> None:
    assert hand_over(planned, ready_there, leaving, Scaling(0, 0)).kept == ()
