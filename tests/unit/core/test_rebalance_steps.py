"""How the moves of a rebalance go on, told in seconds, and what the placement decision makes of one."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from homeport.core.placement.fleet import Fleet
from homeport.core.placement.place import place
from homeport.core.placement.types import Candidate, Held, Wanted
from homeport.core.policy import Scaling
from homeport.core.rebalance.steering import steered
from homeport.core.rebalance.steps import Outcome, Seat, State, Step, Terms, advance, outcome
from homeport.core.rebalance.types import Move
from homeport.core.resources import ComputeNeeds, Inventory
from homeport.core.status import NodeStatus

A, B, C = (Move(id, "n0", "n1", 1) for id in "abc")
TERMS = Terms(at_once=1, patience=600, deadline_at=3600)


def at(now: float, steps: tuple[Step, ...], seats: Mapping[str, Seat], terms: Terms = TERMS) -> tuple[Step, ...]:
    return advance(steps, lambda move: seats[move.deployment_id], lambda move: True, terms, now)


def states(steps: tuple[Step, ...]) -> list[str]:
    return [step.state.value for step in steps]


def test_one_after_the_other() -> None:
    steps = at(0, (Step(A), Step(B)), {"a": Seat.SOURCE, "b": Seat.SOURCE})
    assert states(steps) == ["moving", "waiting"]
    steps = at(20, steps, {"a": Seat.BOTH, "b": Seat.SOURCE})
    assert states(steps) == ["moving", "waiting"]
    steps = at(40, steps, {"a": Seat.TARGET, "b": Seat.SOURCE})
    assert states(steps) == ["done", "moving"]
    steps = at(90, steps, {"a": Seat.TARGET, "b": Seat.TARGET})
    assert [(step.state, step.since) for step in steps] == [(State.DONE, 40), (State.DONE, 90)]


@pytest.mark.parametrize(
    ("last", "terms", "expected"),
    [
        (Step(B, State.DONE, 90), TERMS, Outcome.DONE),
        (Step(B, State.SKIPPED, 90), TERMS, Outcome.DONE),
        (Step(B, State.SKIPPED, 3600), TERMS, Outcome.EXPIRED),
        (Step(B, State.DONE, 3700), TERMS, Outcome.DONE),
        (Step(B, State.SKIPPED, 3600), replace(TERMS, stopped=True), Outcome.STOPPED),
    ],
)
def test_how_it_ended(last: Step, terms: Terms, expected: Outcome) -> None:
    assert outcome((Step(A, State.DONE, 40), last), terms) is expected


def test_what_is_never_ready_goes_back() -> None:
    steps = at(0, (Step(A), Step(B)), {"a": Seat.SOURCE, "b": Seat.SOURCE})
    steps = at(600, steps, {"a": Seat.BOTH, "b": Seat.SOURCE})
    assert states(steps) == ["returning", "waiting"]
    steps = at(620, steps, {"a": Seat.SOURCE, "b": Seat.SOURCE})
    assert states(steps) == ["returned", "moving"]
    assert steps[0].reason == "not ready there within 600 s"
    lost = at(1200, (Step(A, State.RETURNING, 600),), {"a": Seat.BOTH})
    assert states(lost) == ["returned"], "nobody waits for a node that is lost"


@pytest.mark.parametrize(
    ("terms", "now", "reason"),
    [
        (TERMS, 3600.0, "the deadline has passed"),
        (replace(TERMS, stopped=True), 10.0, "the rebalance was stopped"),
    ],
)
def test_it_ends_by_beginning_no_more(terms: Terms, now: float, reason: str) -> None:
    steps = at(0, (Step(A), Step(B)), {"a": Seat.SOURCE, "b": Seat.SOURCE})
    steps = at(now, (replace(steps[0], since=now - 20), steps[1]), {"a": Seat.BOTH, "b": Seat.SOURCE}, terms)
    assert states(steps) == ["moving", "skipped"]
    assert steps[1].reason == reason


def test_what_has_changed_is_left_alone() -> None:
    seats = {"a": Seat.NEITHER, "b": Seat.TARGET, "c": Seat.SOURCE}
    steps = at(0, (Step(A), Step(B), Step(C)), seats)
    assert states(steps) == ["skipped", "skipped", "moving"]
    assert states(at(60, steps, seats)) == ["skipped", "skipped", "skipped"], "the scheduler did not follow"
    assert states(at(30, (Step(A, State.MOVING, 0),), {"a": Seat.NEITHER})) == ["skipped"]


def test_room_that_is_gone_and_a_deployment_with_two_moves() -> None:
    [step] = advance((Step(A),), lambda move: Seat.SOURCE, lambda move: False, TERMS, 0)
    assert (step.state, step.reason) == (State.SKIPPED, "there is no room any more")
    assert states(advance((Step(A),), lambda move: Seat.SOURCE, lambda move: None, TERMS, 0)) == ["waiting"]
    twice = (Step(A), Step(replace(A, from_node="n2", to_node="n3")))
    assert states(at(0, twice, {"a": Seat.SOURCE}, replace(TERMS, at_once=5))) == ["moving", "waiting"]


def fleet_of(*names: str) -> Fleet:
    fleet = Fleet()
    for name in names:
        inventory = Inventory(name, cpu_milli=8000, memory_bytes=1 << 34, drivers=("process",))
        fleet.put(Candidate(name, name, "office/a", NodeStatus.READY, inventory))
    return fleet


def wanted(most: int, *held: Held) -> Wanted:
    return Wanted("a", "process", ComputeNeeds(cpu_milli=1000), Scaling(1, most), (("office/a",),), held)


def test_a_move_changes_one_node_and_the_order_stays() -> None:
    fleet = fleet_of("n0", "n1", "n2")
    held = (Held("n2", 1), Held("n0", 2))
    now = steered(held, Move("a", "n0", "n1", 2), wanted(3, *held), fleet)
    assert now == (Held("n2", 1), Held("n1", 2))
    plan = place(wanted(3, *now), fleet)
    assert [(each.node_id, each.rank, each.max_replicas) for each in plan.budgets] == [("n2", 0, 1), ("n1", 1, 2)]


def test_a_move_under_way_and_one_that_goes_back() -> None:
    fleet = fleet_of("n0", "n1")
    both = (Held("n1", 1), Held("n0", 1))
    assert steered(both, Move("a", "n0", "n1", 1), wanted(1, *both), fleet) == (Held("n1", 1),)
    assert steered(both, Move("a", "n1", "n0", 2), wanted(1, *both), fleet) == (Held("n0", 2),)


def test_a_move_that_means_nothing_any_more_changes_nothing() -> None:
    fleet = fleet_of("n0", "n1")
    held = (Held("n0", 1),)
    assert steered(held, Move("a", "n0", "gone", 1), wanted(1, *held), fleet) == held
    assert steered(held, Move("a", "n5", "n1", 1), wanted(1, *held), fleet) == held
    fleet.put(replace(fleet.node("n1"), cordoned=True))
    assert steered(held, Move("a", "n0", "n1", 1), wanted(1, *held), fleet) == held
