"""The autoscaler's decisions, told in absolute times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.autoscale.decision import Decision
from homeport.core.autoscale.demand import Demand, Signal, Supply, Terms
from homeport.core.autoscale.scaler import Scaler
from homeport.core.policy import Scaling

DELAYS = Scaling(0, 10, scale_up_delay_seconds=10, scale_down_delay_seconds=60, scale_to_zero_delay_seconds=600)
AUTOMATIC = Scaling(0, 10)


class Told:
    """A scaler that starts with so many replicas, of four requests each; a start takes ten seconds."""

    def __init__(self, replicas: int, scaling: Scaling = DELAYS) -> None:
        self.scaler = Scaler(replicas)
        self._scaling = scaling

    def at(self, now: float, demand: Demand, budget: tuple[int, int] = (0, 10), **signals: Signal) -> Decision:
        supply = Supply(self.scaler.replicas, start_seconds=10.0)
        return self.scaler.decide(demand, supply, Terms(self._scaling, budget, 4, signals), now)


def test_the_first_request_starts_a_replica_at_once() -> None:
    decision = Told(0).at(0, Demand(queued=1, arrivals=1))
    assert (decision.replicas, decision.driver, decision.look_again_at) == (1, "concurrency", 1)
    assert Told(0).at(0, Demand(queued=40, arrivals=40)).replicas > 3


def test_more_replicas_come_after_the_delay_and_not_before() -> None:
    told, load = Told(1), Demand(in_flight=4, queued=20)
    first = told.at(100, load)
    assert (first.replicas, first.driver) == (1, "scale_up_delay")
    assert first.wanted > 1
    assert told.at(109.9, load).replicas == 1
    then = told.at(110, load)
    assert then.replicas == then.wanted > 1


def test_a_peak_shorter_than_the_delay_changes_nothing() -> None:
    told = Told(1)
    assert told.at(100, Demand(in_flight=4, queued=20)).look_again_at == 101
    told.at(105, Demand(in_flight=1))
    assert told.at(112, Demand(in_flight=4, queued=20)).replicas == 1
    assert told.at(121.9, Demand(in_flight=4, queued=20)).replicas == 1


def test_fewer_replicas_after_the_delay_but_one_stays() -> None:
    told, quiet = Told(3), Demand(last_request_at=90)
    first = told.at(100, quiet)
    assert (first.replicas, first.driver, first.look_again_at) == (3, "hold", 160)
    assert told.at(159.9, quiet).replicas == 3
    assert told.at(160, quiet).replicas == 1


def test_the_last_one_goes_when_nothing_came_for_long() -> None:
    told, idle = Told(1), Demand()
    first = told.at(130, idle)
    assert (first.replicas, first.driver, first.look_again_at) == (1, "hold", 730)
    assert told.at(729.9, idle).replicas == 1
    last = told.at(730, idle)
    assert (last.replicas, last.look_again_at) == (0, None)


def test_a_request_that_came_and_went_between_two_looks_keeps_the_last_one() -> None:
    told = Told(1)
    told.at(130, Demand())
    told.at(700, Demand(arrivals=1, completions=1))
    assert told.at(730, Demand(arrivals=1, completions=1)).replicas == 1


def test_the_last_one_goes_at_the_named_time_whatever_traffic_there_was() -> None:
    """Requests of five seconds, one a second until 100: more of them may be expected for a while after that."""
    told = Told(0, Scaling(0, 10, scale_down_delay_seconds=2, scale_to_zero_delay_seconds=4))
    for second in range(101):
        told.at(second, Demand(in_flight=min(second + 1, 5), arrivals=second + 1, completions=max(0, second - 4)))
    done = Demand(arrivals=101, completions=101)
    for second in range(101, 104):
        assert told.at(second, done).replicas >= 1
    assert told.at(104, done).replicas == 0


def test_what_is_starting_is_not_ordered_again() -> None:
    """Ten wait for one that starts since 0: asking each second does not make more of it."""
    told = Told(0, AUTOMATIC)
    first = told.at(0, Demand(queued=10, arrivals=10)).replicas
    for second in range(1, 10):
        demand = Demand(queued=10, arrivals=10, oldest_wait_seconds=second)
        assert told.at(second, demand).replicas <= first


def test_short_gaps_are_held_through_and_long_ones_are_not() -> None:
    """A request of five seconds each minute, for an hour: one replica runs on. Then one each hour: it is stopped."""
    told, arrivals, starts = Told(0, AUTOMATIC), 0, 0

    def minute(begin: float) -> None:
        nonlocal arrivals, starts
        arrivals += 1
        for second in range(60):
            before, busy = told.scaler.replicas, second < 5
            told.at(begin + second, Demand(int(busy), 0, None, arrivals, arrivals - int(busy)))
            starts += max(0, told.scaler.replicas - before)

    for number in range(60):
        minute(number * 60.0)
    assert starts <= 2, "a replica for the first, perhaps one more while it is not yet known how many come"
    assert told.scaler.replicas == 1
    for hour in range(2, 8):
        told.at(hour * 3600.0 - 1, Demand(arrivals=arrivals, completions=arrivals))
        assert told.scaler.replicas == 0
        minute(hour * 3600.0)


def test_the_signal_that_asks_for_most_drives() -> None:
    cpu, gpu = Signal(observed=190, target=60), Signal(observed=90, target=80)
    decision = Told(0).at(0, Demand(queued=5), cpu_percent=cpu, gpu_percent=gpu)
    assert (decision.replicas, decision.driver, decision.inputs["cpu_percent"]) == (4, "cpu_percent", 190)


def test_a_figure_far_off_its_target_asks_for_no_more_than_the_budget() -> None:
    decision = Told(0).at(0, Demand(in_flight=1), queue_seconds=Signal(observed=1e9, target=0.01))
    assert (decision.replicas, decision.wanted, decision.driver) == (10, 10**11, "max_replicas")


@pytest.mark.parametrize(
    ("running", "budget", "replicas", "driver"),
    [(0, (2, 5), 2, "min_replicas"), (7, (0, 5), 5, "max_replicas"), (3, (0, 0), 0, "max_replicas")],
)
def test_the_budget_holds_at_once(running: int, budget: tuple[int, int], replicas: int, driver: str) -> None:
    decision = Told(running).at(0, Demand(in_flight=running * 4), budget)
    assert (decision.replicas, decision.driver) == (replicas, driver)


budgets = st.tuples(st.integers(0, 8), st.integers(0, 8)).map(lambda pair: (min(pair), max(pair)))
steps = st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(0, 50), st.floats(0, 400))


@given(budgets, st.integers(0, 12), st.lists(steps, min_size=1, max_size=12), st.sampled_from([DELAYS, AUTOMATIC]))
def test_the_decision_is_always_inside_the_budget(
    budget: tuple[int, int], running: int, seen: list[tuple[int, int, int, float]], scaling: Scaling
) -> None:
    told, now, arrivals = Told(running, scaling), 1000.0, 0
    for in_flight, queued, more, seconds in seen:
        now, arrivals = now + seconds, arrivals + more
        decision = told.at(now, Demand(in_flight, queued, None, arrivals, arrivals), budget)
        assert budget[0] <= decision.replicas <= budget[1]
        assert decision.reason
        assert decision.look_again_at is None or decision.look_again_at > now


@given(st.integers(0, 12), st.sampled_from([DELAYS, AUTOMATIC]))
def test_without_requests_everything_ends_at_the_times_that_it_names(running: int, scaling: Scaling) -> None:
    told, now = Told(running, scaling), 1000.0
    for _ in range(100):
        decision = told.at(now, Demand())
        if decision.look_again_at is None:
            break
        now = decision.look_again_at
    assert told.scaler.replicas == 0
