"""What the policy learns from: rates, service times, forecasts, gaps."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.autoscale.arrival_rate import ArrivalRate
from homeport.core.autoscale.forecast import load_ahead
from homeport.core.autoscale.gaps import Gaps
from homeport.core.autoscale.service_time import ServiceTime


def rate_after(counts: list[int], history: int = 300) -> float:
    rate, total = ArrivalRate(history), 0
    for second, count in enumerate([0, *counts]):
        total += count
        rate.note(1000.0 + second, total)
    return rate.per_second()


def test_a_steady_rate_is_seen_as_it_is() -> None:
    assert rate_after([5] * 300) == pytest.approx(5)


def test_a_rise_that_chance_cannot_explain_is_believed_at_once() -> None:
    assert 3 < rate_after([1] * 300 + [8] * 15) < 8


def test_a_clump_is_no_steady_traffic() -> None:
    clump, calm = [60], [0] * 59
    assert rate_after([1] * 300 + clump) < 3
    assert rate_after((clump + calm) * 10 + clump) < 2


def test_silence_ends_what_was_expected() -> None:
    assert rate_after([5] * 300 + [0] * 120) < 0.1


@given(st.lists(st.integers(0, 100), min_size=1, max_size=400), st.integers(1, 600))
def test_a_rate_is_never_negative_and_never_above_the_busiest_second(counts: list[int], history: int) -> None:
    assert 0 <= rate_after(counts, history) <= max(counts) + 2


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 50)), min_size=1, max_size=20))
def test_seconds_that_nobody_looked_at_count_as_silent(steps: list[tuple[int, int]]) -> None:
    """Looking each second, and looking only when something came, come to the same."""
    every, seldom = ArrivalRate(300), ArrivalRate(300)
    second = total = 0
    every.note(0, 0)
    seldom.note(0, 0)
    for wait, count in steps:
        for _ in range(wait):
            second += 1
            if _ == wait - 1:
                total += count
            every.note(second, total)
        seldom.note(second, total)
    assert seldom.per_second() == pytest.approx(every.per_second(), rel=0.2, abs=0.5)


def test_the_time_of_a_request_is_learned_by_counting() -> None:
    """Six at a time, two a second: three seconds each."""
    service = ServiceTime()
    for second in range(600):
        service.note(float(second), 6, 2 * second)
    assert service.seconds == pytest.approx(3, rel=0.02)


@pytest.mark.parametrize(
    ("load", "slots", "rate", "ahead", "expected"),
    [
        (0, 8, 2.0, 1000, 10.0),  # the steady load: two a second, five seconds each
        (8, 8, 0.0, 5, 8 * exp(-1)),  # those that work end
        (20, 8, 0.0, 5, 12.0),  # eight slots end 1.6 a second
        (16, 8, 0.0, 10, 8 * exp(-1)),  # the queue is gone after five seconds
        (10, 0, 2.0, 30, 70.0),  # nothing runs: everybody waits
    ],
)
def test_the_load_ahead(load: int, slots: int, rate: float, ahead: float, expected: float) -> None:
    assert load_ahead(load, slots, rate, 5.0, ahead) == pytest.approx(expected)


@given(st.floats(0, 1000), st.floats(0, 100), st.floats(0, 50), st.floats(0.001, 100), st.floats(0, 600))
def test_a_load_ahead_is_never_negative(load: float, slots: float, rate: float, service: float, ahead: float) -> None:
    assert load_ahead(load, slots, rate, service, ahead) >= 0


def learned(*seconds: float) -> Gaps:
    gaps = Gaps()
    for _ in range(20):
        for each in seconds:
            gaps.add(each)
    return gaps


def test_short_gaps_are_held_through_and_long_ones_are_given_up() -> None:
    assert 60 <= learned(60).hold_seconds(300) < 150
    assert learned(3000).hold_seconds(300) < 10
    assert 10 <= learned(10, 10, 10, 3000).hold_seconds(300) < 60


@given(st.lists(st.floats(0, 100_000), max_size=60), st.floats(0, 5000), st.floats(0, 5000))
def test_a_dearer_restart_is_never_a_reason_to_hold_for_less(gaps: list[float], one: float, other: float) -> None:
    seen = Gaps()
    for seconds in gaps:
        seen.add(seconds)
    assert seen.hold_seconds(min(one, other)) <= seen.hold_seconds(max(one, other))
