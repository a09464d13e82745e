import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.waiting import Outlook, in_round_numbers, seconds_to_wait


@pytest.mark.parametrize(
    ("outlook", "ahead", "seconds"),
    [
        # Nothing runs and nothing is known.
        (Outlook(), 0, 15.0),
        # A start takes 20 s: 12 of them are over, or it has not begun and will in 3 s.
        (Outlook(0, (12.0,), 20.0), 0, 8.0),
        (Outlook(0, (-3.0,), 20.0), 0, 23.0),
        # The first of several counts.
        (Outlook(0, (2.0, 12.0), 20.0), 0, 8.0),
        # Late: a quarter of what it has taken more, not "any moment now".
        (Outlook(0, (40.0,), 20.0), 0, 10.0),
        # Two replicas of two requests at once come: the fifth waits for one of the first four, of 3 s each.
        (Outlook(0, (0.0, 0.0), 20.0), 3, 20.0),
        (Outlook(0, (0.0, 0.0), 20.0), 4, 23.0),
        # Ready and full: one of two requests at once ends every 1.5 s.
        (Outlook(1, (), 20.0), 0, 1.5),
        (Outlook(1, (), 20.0), 3, 6.0),
    ],
)
def test_seconds_to_wait(outlook: Outlook, ahead: int, seconds: float) -> None:
    assert seconds_to_wait(outlook, concurrency=2, service_seconds=3.0, ahead=ahead) == pytest.approx(seconds)


@given(st.floats(0, 1e5), st.floats(0, 1e4), st.integers(0, 1000))
def test_whoever_stands_further_behind_is_promised_nothing_earlier(elapsed: float, service: float, ahead: int) -> None:
    outlook = Outlook(0, (elapsed,), 30.0)
    assert seconds_to_wait(outlook, 4, service, ahead) <= seconds_to_wait(outlook, 4, service, ahead + 1)


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, 1), (0.4, 1), (3.6, 4), (12.0, 10), (13.0, 15), (100.0, 90)])
def test_a_long_wait_is_told_in_round_numbers(seconds: float, shown: int) -> None:
    assert in_round_numbers(seconds) == shown
