"""Why there are so many replicas, told in seconds: each change, and what was held back in one entry for all of it."""

from agent.history.scaling import ScalingRecorder
from homeport.core.autoscale.decision import Decision
from homeport.core.history.scaling_change import ScalingChange
from tests.fakes.clock import FakeClock


class Recorded:
    def __init__(self) -> None:
        self.clock = FakeClock(0.0)
        self.told: list[tuple[float, ScalingChange]] = []
        self.recorder = ScalingRecorder(lambda _, time, change: self.told.append((time, change)), self.clock)
        self.count = 0

    def at(self, second: float, replicas: int, wanted: int, driver: str = "concurrency", **inputs: float) -> None:
        self.clock.now = second
        decision = Decision(replicas, wanted, driver, "because", inputs)
        self.recorder.decided("chat", self.count, decision)
        self.count = replicas

    @property
    def lines(self) -> list[str]:
        return [
            f"{time:g}: {c.before} -> {c.replicas} of {c.wanted} by {c.driver}"
            + (f" until {c.held_until:g}" if c.held_until else "")
            for time, c in self.told
        ]


def test_each_change_is_told_at_once_with_what_drove_it() -> None:
    recorded = Recorded()
    recorded.at(0, 0, 0)
    recorded.at(1, 1, 1, in_flight=0.0, queued=1.0)
    recorded.at(2, 1, 1)
    recorded.at(3, 4, 4, "queue_seconds", queue_seconds=2.00049)
    assert recorded.lines == ["1: 0 -> 1 of 1 by concurrency", "3: 1 -> 4 of 4 by queue_seconds"]
    assert recorded.told[0][1].inputs == {"in_flight": 0.0, "queued": 1.0}
    assert recorded.told[1][1].inputs == {"queue_seconds": 2.0}


def test_what_a_delay_holds_back_is_one_entry_with_the_furthest_wish() -> None:
    recorded = Recorded()
    recorded.at(0, 2, 2)
    for second, wanted in ((10, 3), (11, 5), (12, 3), (20, 4)):
        recorded.at(second, 2, wanted, "scale_up_delay")
    recorded.at(21, 4, 4)
    assert recorded.lines == [
        "0: 0 -> 2 of 2 by concurrency",
        "10: 2 -> 2 of 5 by scale_up_delay until 21",
        "21: 2 -> 4 of 4 by concurrency",
    ]


def test_a_wish_that_comes_and_goes_within_a_minute_is_one() -> None:
    recorded = Recorded()
    for second in range(600):
        recorded.at(second, 0, second % 2, "max_replicas")
    recorded.at(700, 0, 0)
    recorded.at(800, 0, 0)
    assert recorded.lines == ["1: 0 -> 0 of 1 by max_replicas until 700"]


def test_what_is_held_back_for_long_is_told_once_an_hour() -> None:
    recorded = Recorded()
    for second in range(0, 3 * 3600, 5):
        recorded.at(second, 0, 9, "max_replicas")
    assert [time for time, _ in recorded.told] == [0, 3600]
    assert [change.held_until for _, change in recorded.told] == [3600, 7200]


def test_replicas_that_are_kept_for_the_next_burst_are_told_of() -> None:
    recorded = Recorded()
    recorded.at(0, 3, 3)
    for second in range(10, 40):
        recorded.at(second, 3, 3, "hold", ahead=1.0)
    recorded.at(40, 1, 1, ahead=1.0)
    assert recorded.lines[1:] == ["10: 3 -> 3 of 3 by hold until 40", "40: 3 -> 1 of 1 by concurrency"]


def test_what_nobody_asks_about_for_hours_is_held_until_something_is_decided() -> None:
    recorded = Recorded()
    recorded.at(0, 1, 1)
    recorded.at(10, 1, 1, "hold")
    recorded.at(3000, 0, 0)
    assert recorded.lines[1:] == ["10: 1 -> 1 of 1 by hold until 3000", "3000: 1 -> 0 of 0 by concurrency"]


def test_a_wish_that_ended_is_told_with_its_end() -> None:
    recorded = Recorded()
    recorded.at(0, 0, 1, "max_replicas")
    recorded.at(5, 0, 0)
    recorded.at(90, 0, 0)
    assert recorded.lines == ["0: 0 -> 0 of 1 by max_replicas until 5"]


def test_another_reason_is_another_entry() -> None:
    recorded = Recorded()
    recorded.at(0, 0, 1, "max_replicas")
    recorded.at(5, 0, 1, "scale_up_delay")
    recorded.recorder.close()
    assert [change.driver for _, change in recorded.told] == ["max_replicas", "scale_up_delay"]


def test_a_minimum_that_keeps_more_than_traffic_needs_is_no_news() -> None:
    recorded = Recorded()
    recorded.at(0, 2, 0, "min_replicas")
    for second in range(1, 7200):
        recorded.at(second, 2, 0, "min_replicas")
        recorded.at(second, 2, 0, "schedule")
    assert recorded.lines == ["0: 0 -> 2 of 0 by min_replicas"]


def test_what_was_held_back_is_told_when_the_deployment_leaves() -> None:
    recorded = Recorded()
    recorded.at(0, 0, 1, "max_replicas")
    recorded.recorder.forget("other")
    assert recorded.told == []
    recorded.recorder.forget("chat")
    recorded.recorder.forget("chat")
    assert len(recorded.told) == 1
