"""The autoscaler's decisions, told in absolute times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.autoscale.decide import Decision, Demand, Memory, decide
from homeport.core.policy import Scaling

SCALING = Scaling(
    0, 10, scale_up_delay_seconds=10, scale_down_delay_seconds=60, scale_to_zero_delay_seconds=600
)  # fmt: skip


def at(
    now: float, running: int, demand: Demand, memory: Memory | None = None, budget: tuple[int, int] = (0, 10)
) -> Decision:
    return decide(SCALING, budget, 4, running, demand, memory or Memory(), now)


def test_the_first_request_starts_a_replica_at_once() -> None:
    assert at(0, 0, Demand(queued=1)).replicas == 1
    assert at(0, 0, Demand(queued=9)).replicas == 3


def test_more_replicas_come_after_the_delay_and_not_before() -> None:
    first = at(100, 1, Demand(in_flight=5))
    assert (first.replicas, first.look_again_at) == (1, 110)
    assert at(109.9, 1, Demand(in_flight=5), first.memory).replicas == 1
    assert at(110, 1, Demand(in_flight=5), first.memory).replicas == 2


def test_a_peak_shorter_than_the_delay_changes_nothing() -> None:
    peak = at(100, 1, Demand(in_flight=5))
    calm = at(105, 1, Demand(in_flight=4), peak.memory)
    assert calm.memory == Memory()
    assert at(112, 1, Demand(in_flight=5), calm.memory).replicas == 1


def test_fewer_replicas_after_the_delay_but_one_stays() -> None:
    quiet = Demand(in_flight=0, last_request_at=90)
    first = at(100, 3, quiet)
    assert (first.replicas, first.look_again_at) == (3, 160)
    assert at(159.9, 3, quiet, first.memory).replicas == 3
    assert at(160, 3, quiet, first.memory).replicas == 1


def test_the_last_one_goes_when_nothing_came_for_long() -> None:
    idle = Demand(last_request_at=100)
    first = at(130, 1, idle)
    assert (first.replicas, first.look_again_at) == (1, 730)
    assert at(729.9, 1, idle, first.memory).replicas == 1
    assert at(730, 1, idle, first.memory).replicas == 0


def test_a_late_request_keeps_the_last_one() -> None:
    first = at(130, 1, Demand(last_request_at=100))
    later = at(730, 1, Demand(last_request_at=700), first.memory)
    assert (later.replicas, later.look_again_at) == (1, 1300)


@pytest.mark.parametrize(
    ("running", "budget", "replicas"), [(0, (2, 5), 2), (7, (0, 5), 5), (3, (0, 0), 0), (1, (1, 1), 1), (0, (0, 5), 0)]
)
def test_the_budget_holds_at_once(running: int, budget: tuple[int, int], replicas: int) -> None:
    assert at(0, running, Demand(in_flight=running * 4), budget=budget).replicas == replicas


budgets = st.tuples(st.integers(0, 8), st.integers(0, 8)).map(lambda pair: (min(pair), max(pair)))
memories = st.builds(Memory, st.none() | st.floats(0, 1000), st.none() | st.floats(0, 1000))
demands = st.builds(Demand, st.integers(0, 200), st.integers(0, 200), st.none() | st.floats(0, 1000))


@given(budgets, st.integers(1, 64), st.integers(0, 12), demands, memories, st.floats(1000, 5000))
def test_the_decision_is_always_inside_the_budget(
    budget: tuple[int, int], concurrency: int, running: int, demand: Demand, memory: Memory, now: float
) -> None:
    decision = decide(SCALING, budget, concurrency, running, demand, memory, now)
    assert budget[0] <= decision.replicas <= budget[1]
    assert decision.reason


@given(budgets, demands, memories, st.integers(0, 12), st.floats(1000, 5000))
def test_whoever_must_look_again_finds_a_decision_then(
    budget: tuple[int, int], demand: Demand, memory: Memory, running: int, now: float
) -> None:
    decision = decide(SCALING, budget, 4, running, demand, memory, now)
    if decision.look_again_at is not None:
        assert decision.look_again_at > now
        then = decide(SCALING, budget, 4, decision.replicas, demand, decision.memory, decision.look_again_at)
        assert then.replicas != decision.replicas
