"""Which figures ask for how many replicas."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.autoscale.demand import Demand, Signal, Supply
from homeport.core.autoscale.signals import Reading, figures, signals
from homeport.core.targets import MetricTarget, Targets


def asked(
    targets: Targets, *replicas: dict[str, float], traffic: dict[str, float] | None = None, **more: float
) -> dict[str, int]:
    """How many replicas each figure asks for. `more`: seconds of the oldest wait, replicas that are starting."""
    demand = Demand(oldest_wait_seconds=more.get("waits", 0.0))
    supply = Supply(len(replicas), int(more.get("starting", 0)))
    known = signals(targets, replicas, traffic or {}, demand, supply)
    return {name: ceil(signal.observed / signal.target) for name, signal in known.items()}


@pytest.mark.parametrize(
    ("percents", "replicas"),
    [
        ((95.0,), 2),
        ((95.0, 85.0), 4),
        ((20.0, 20.0, 20.0), 2),
        # Near enough: 10 % above is no reason for one more, 11 % is.
        ((55.0, 55.0), 2),
        ((55.6, 55.6), 3),
        # A replica that tells nothing is taken for one like the others.
        ((90.0, None), 4),
    ],
)
def test_replicas_are_kept_at_their_target(percents: tuple[float | None, ...], replicas: int) -> None:
    told = [{} if percent is None else {"cpu_percent": percent} for percent in percents]
    assert asked(Targets(cpu_percent=50.0), *told) == {"cpu_percent": replicas}


def test_how_busy_the_last_replica_is_does_not_keep_it() -> None:
    targets = Targets(cpu_percent=50.0, memory_percent=80.0, metrics=(MetricTarget("jobs", 10.0),))
    assert asked(targets, {"cpu_percent": 3.0, "memory_percent": 79.0, "jobs": 0.0}) == {"jobs": 0}
    assert asked(targets, {"cpu_percent": 3.0, "memory_percent": 79.0, "jobs": 1.0}) == {"jobs": 1}


def test_several_targets_each_ask_for_their_own() -> None:
    targets = Targets(gpu_percent=60.0, gpu_memory_percent=90.0, metrics=(MetricTarget("waiting", 4.0),))
    told = {"gpu_percent": 70.0, "gpu_memory_percent": 20.0, "waiting": 17.0}
    assert asked(targets, told, told) == {"gpu_percent": 3, "waiting": 9}


def test_traffic_is_of_the_node_as_a_whole() -> None:
    targets = Targets(requests_per_second=10.0, tokens_per_second=500.0)
    assert asked(targets, {}, {}, traffic={"requests_per_second": 31.0, "tokens_per_second": 400.0}) == {
        "requests_per_second": 4,
        "tokens_per_second": 1,
    }
    assert asked(targets, {}) == {}, "nothing has been counted yet"


def test_waiting_asks_for_more_unless_some_are_coming() -> None:
    targets = Targets(queue_seconds=2.0)
    assert asked(targets, {}, {}, waits=3.0) == {"queue_seconds": 3}
    assert asked(targets, {}, {}, waits=600.0) == {"queue_seconds": 4}, "twice as many at once"
    assert asked(targets, {}, {}, waits=600.0, starting=1) == {}
    assert asked(targets, waits=600.0) == {}, "with none ready the wait is that for the first"
    assert asked(targets, {}, {}) == {"queue_seconds": 0}


def test_a_counter_tells_how_fast_it_grew() -> None:
    noon = 43_200.0
    readings = [
        Reading(noon, counters={"jobs_total": 100.0, "cpu_percent": 0.0}),
        Reading(noon + 5, {"queue": 3.0}, {"jobs_total": 200.0, "cpu_percent": 100.0}),
        Reading(noon + 10, {"queue": 4.0}, {"jobs_total": 150.0, "cpu_percent": 900.0}),
    ]
    assert figures(readings) == {"queue": 4.0, "jobs_total": 5.0, "cpu_percent": 90.0}
    assert figures(readings[:1]) == {}
    assert figures([]) == {}
    assert "jobs_total" not in figures([readings[1], readings[2]]), "it fell: another life of the replica"


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=30), st.floats(1, 100))
def test_whoever_is_asked_for_would_be_at_the_target_or_near_it(percents: list[float], target: float) -> None:
    told = [{"cpu_percent": percent} for percent in percents]
    known = signals(Targets(cpu_percent=target), told, {}, Demand(), Supply(len(told))).get(
        "cpu_percent", Signal(0.0, 1.0)
    )
    replicas = max(1, ceil(known.observed / known.target))
    assert sum(percents) / replicas <= target * 1.1 + 1e-6
