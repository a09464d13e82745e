"""The autoscaler's decisions, told in absolute times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.autoscale.decision import Decision
from homeport.core.autoscale.demand import Demand, Signal, Supply, Terms
from homeport.core.autoscale.scaler import Scaler
from homeport.core.policy import Scaling

SCALING = Scaling(
    0, 10, scale_up_delay_seconds=10, scale_down_delay_seconds=60, scale_to_zero_delay_seconds=600
)  # fmt: skip


class Told:
    """A scaler that starts with so many replicas."""

    def __init__(self, replicas: int) -> None:
        self.scaler = Scaler(replicas)

    def at(self, now: float, demand: Demand, budget: tuple[int, int] = (0, 10), **signals: Signal) -> Decision:
        return self.scaler.decide(demand, Supply(self.scaler.replicas), Terms(SCALING, budget, 4, signals), now)


def test_the_first_request_starts_a_replica_at_once() -> None:
    assert Told(0).at(0, Demand(queued=1)).replicas == 1
    assert Told(0).at(0, Demand(queued=9)).replicas == 3


def test_more_replicas_come_after_the_delay_and_not_before() -> None:
    told = Told(1)
    first = told.at(100, Demand(in_flight=5))
    assert (first.replicas, first.wanted, first.driver, first.look_again_at) == (1, 2, "scale_up_delay", 110)
    assert told.at(109.9, Demand(in_flight=5)).replicas == 1
    then = told.at(110, Demand(in_flight=5))
    assert (then.replicas, then.driver) == (2, "concurrency")


def test_a_peak_shorter_than_the_delay_changes_nothing() -> None:
    told = Told(1)
    told.at(100, Demand(in_flight=5))
    told.at(105, Demand(in_flight=4))
    assert told.at(112, Demand(in_flight=5)).look_again_at == 122


def test_fewer_replicas_after_the_delay_but_one_stays() -> None:
    told, quiet = Told(3), Demand(last_request_at=90)
    first = told.at(100, quiet)
    assert (first.replicas, first.wanted, first.look_again_at) == (3, 0, 160)
    assert told.at(159.9, quiet).replicas == 3
    assert told.at(160, quiet).replicas == 1


def test_the_last_one_goes_when_nothing_came_for_long() -> None:
    told, idle = Told(1), Demand(last_request_at=100)
    first = told.at(130, idle)
    assert (first.replicas, first.driver, first.look_again_at) == (1, "scale_to_zero_delay", 730)
    assert told.at(729.9, idle).replicas == 1
    assert told.at(730, idle).replicas == 0


def test_the_signal_that_asks_for_most_drives() -> None:
    cpu, gpu = Signal(observed=190, target=60), Signal(observed=90, target=80)
    decision = Told(0).at(0, Demand(queued=5), cpu_percent=cpu, gpu_percent=gpu)
    assert (decision.replicas, decision.driver, decision.inputs["cpu_percent"]) == (4, "cpu_percent", 190)


@pytest.mark.parametrize(
    ("running", "budget", "replicas"), [(0, (2, 5), 2), (7, (0, 5), 5), (3, (0, 0), 0), (1, (1, 1), 1), (0, (0, 5), 0)]
)
def test_the_budget_holds_at_once(running: int, budget: tuple[int, int], replicas: int) -> None:
    assert Told(running).at(0, Demand(in_flight=running * 4), budget).replicas == replicas


budgets = st.tuples(st.integers(0, 8), st.integers(0, 8)).map(lambda pair: (min(pair), max(pair)))
demands = st.builds(Demand, st.integers(0, 200), st.integers(0, 200), st.none() | st.floats(0, 1000))


@given(budgets, st.integers(0, 12), st.lists(demands, min_size=1, max_size=8))
def test_the_decision_is_always_inside_the_budget(budget: tuple[int, int], running: int, seen: list[Demand]) -> None:
    told = Told(running)
    for second, demand in enumerate(seen):
        decision = told.at(1000 + second, demand, budget)
        assert budget[0] <= decision.replicas <= budget[1]
        assert decision.reason
        assert decision.look_again_at is None or decision.look_again_at > 1000 + second
