"""How fast one can guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.guessing import Guesses, network_of

HERE, THERE = "192.0.2.1", "192.0.2.2"


def after(*failures: float) -> Guesses:
    guesses = Guesses()
    for now in failures:
        guesses.failed(HERE, now)
    return guesses


@pytest.mark.parametrize(
    ("failures", "now", "seconds"),
    [
        ([], 0.0, 0.0),
        ([0.0] * 9, 1.0, 0.0),
        ([0.0] * 10, 1.0, 59.0),
        ([0.0] * 10, 59.9, pytest.approx(0.1)),
        ([0.0] * 10, 60.0, 0.0),
        ([float(second) for second in range(10)], 10.0, 50.0),
        ([float(second) for second in range(10)], 60.5, 0.0),
        ([0.0] * 10 + [70.0], 71.0, 0.0),
    ],
)
def test_ten_wrong_ones_in_a_minute_are_looked_at(failures: list[float], now: float, seconds: float) -> None:
    assert after(*failures).must_wait(HERE, "x", now) == seconds


def test_others_and_those_who_got_in_before_go_on() -> None:
    guesses = Guesses()
    guesses.succeeded(HERE, "right")
    for _ in range(10):
        guesses.failed(HERE, 0.0)
    assert guesses.must_wait(HERE, "wrong", 1.0) > 0
    assert guesses.must_wait(HERE, "right", 1.0) == 0
    assert guesses.must_wait(THERE, "wrong", 1.0) == 0


def test_what_was_right_elsewhere_must_wait_here() -> None:
    guesses = after(*[0.0] * 10)
    guesses.succeeded(THERE, "right")
    with pytest.raises(HomeportError) as refused:
        guesses.check(HERE, "right", 15.0)
    assert refused.value.code is ErrorCode.TOO_MANY_REQUESTS
    assert refused.value.retry_after_seconds == 45.0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2::1", "20010db800010002/64"),
        ("2001:db8:1:2:ffff::9", "20010db800010002/64"),
        ("fe80::1%eth0", "fe80000000000000/64"),
        ("", ""),
        ("somewhere", "somewhere"),
    ],
)
def test_addresses_that_are_one(address: str, network: str) -> None:
    assert network_of(address) == network


@given(st.lists(st.floats(0.0, 0.5), min_size=1, max_size=400))
def test_however_the_tries_are_spaced_no_minute_has_more_than_ten(pauses: list[float]) -> None:
    guesses, now, looked_at = Guesses(), 0.0, []
    for pause in pauses:
        now += pause
        if not guesses.must_wait(HERE, "wrong", now):
            looked_at.append(now)
            guesses.failed(HERE, now)
    for first in looked_at:
        assert sum(at >= first and at - first < 60.0 for at in looked_at) <= 10


def test_memory_is_bounded() -> None:
    guesses = Guesses()
    for number in range(11_000):
        guesses.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
        guesses.succeeded(HERE, str(number))
    assert len(guesses._failures) <= 10_000
    assert len(guesses._let_in) <= 10_000
