"""Traffic by the minute, from counters that are looked at once a second. The clock begins at 0 s of a minute."""

import pytest

from agent.history.traffic import TrafficRecorder
from homeport.core.autoscale.demand import Demand
from homeport.core.history.traffic_minute import TrafficMinute
from tests.fakes.clock import FakeClock


class Recorded:
    def __init__(self) -> None:
        self.clock = FakeClock(600.0)
        self.demands: dict[str, Demand] = {"chat": Demand()}
        self.told: list[tuple[str, float, TrafficMinute]] = []
        self.recorder = TrafficRecorder(
            lambda: self.demands.items(), lambda *told: self.told.append(told), self.clock, self.clock
        )
        self.recorder.look()

    def second(self, **changes: float) -> None:
        """One passes; then the relay has counted so much, and the recorder looks."""
        self.clock.advance(1)
        if changes:
            self.demands["chat"] = Demand(**changes)  # type: ignore[arg-type]
        self.recorder.look()


def test_a_minute_is_told_when_it_is_over() -> None:
    recorded = Recorded()
    for number in range(1, 60):
        answered = {"answered": number, "answered_seconds": 0.5 * number, "tokens": 10 * number}
        recorded.second(arrivals=2 * number, in_flight=3, queued=1, **answered)
    assert recorded.told == []
    recorded.second()
    [(deployment_id, time, minute)] = recorded.told
    assert (deployment_id, time) == ("chat", 600.0)
    assert minute == TrafficMinute(118, 59, 29.5, 59.0, 4, 2, 590)
    assert minute.service_seconds == 0.5


def test_the_busiest_second_is_remembered() -> None:
    recorded = Recorded()
    for arrivals, in_flight in ((1, 1), (26, 20), (27, 9)):
        recorded.second(arrivals=arrivals, in_flight=in_flight)
    for _ in range(60):
        recorded.second(arrivals=27)
    assert (recorded.told[0][2].peak_arrivals, recorded.told[0][2].peak_requests) == (25, 20)


def test_silent_minutes_are_not_told() -> None:
    recorded = Recorded()
    for _ in range(600):
        recorded.second()
    assert recorded.told == []


def test_a_long_request_counts_where_it_came_and_where_it_ended() -> None:
    recorded = Recorded()
    recorded.second(arrivals=1, in_flight=1)
    for _ in range(149):
        recorded.second()
    recorded.second(arrivals=1, answered=1, answered_seconds=150.25)
    for _ in range(60):
        recorded.second()
    assert [(minute.arrivals, minute.completions, minute.busy_seconds) for _, _, minute in recorded.told] == [
        (1, 0, 0.0),
        (0, 0, 0.0),
        (0, 1, 150.25),
    ]


def test_requests_that_are_over_before_anybody_looks_are_timed_as_well() -> None:
    recorded = Recorded()
    recorded.second(arrivals=10, answered=10, answered_seconds=0.02)
    for _ in range(60):
        recorded.second()
    [(_, _, minute)] = recorded.told
    assert minute.service_seconds == pytest.approx(0.002)
    assert minute.peak_requests == 1


def test_a_deployment_that_comes_back_counts_from_zero() -> None:
    recorded = Recorded()
    recorded.second(arrivals=100)
    recorded.second(arrivals=7)
    for _ in range(60):
        recorded.second()
    assert recorded.told[0][2].arrivals == 107


def test_each_deployment_has_its_own_minutes_and_one_that_left_is_forgotten() -> None:
    recorded = Recorded()
    recorded.demands["other"] = Demand(arrivals=5)
    recorded.second(arrivals=1)
    del recorded.demands["other"]
    for _ in range(200):
        recorded.second()
    assert [(name, minute.arrivals) for name, _, minute in recorded.told] == [("chat", 1), ("other", 5)]
    recorded.demands["other"] = Demand(arrivals=5)
    for _ in range(60):
        recorded.second()
    assert recorded.told[2][2].arrivals == 5
