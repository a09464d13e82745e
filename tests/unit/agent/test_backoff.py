from hypothesis import given
from hypothesis import strategies as st

from agent.backoff import backoff_seconds
from agent.link.messages import LINK_LOST, Goodbye
from agent.link.silence import answer_to


def test_doubles_up_to_the_cap() -> None:
    assert [backoff_seconds(n, 1.0, 10.0, jitter=0.5) for n in range(1, 7)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_stays_near_its_bounds(failures: int, jitter: float) -> None:
    assert 0.75 <= backoff_seconds(failures, 1.0, 60.0, jitter) <= 75.0


@given(st.integers(1, 1000), st.floats(0, 1, exclude_max=True))
def test_a_lost_link_is_dialled_again_within_seconds(failures: int, jitter: float) -> None:
    assert 0.3 <= answer_to(Goodbye(LINK_LOST), failures, jitter).after_seconds <= 6.5


def test_a_superseded_agent_keeps_away() -> None:
    retry = answer_to(Goodbye("SUPERSEDED"), 1, 0.0)
    assert retry.after_seconds >= 30
    assert "copied" in retry.advice


def test_the_control_plane_may_ask_for_more_patience() -> None:
    assert answer_to(Goodbye("SERVER_STOPPING", retry_after_seconds=20), 1, 0.0).after_seconds >= 20


def test_a_reason_of_a_newer_control_plane_is_no_reason_to_hurry() -> None:
    assert answer_to(Goodbye("MOON_PHASE"), 1, 0.0).after_seconds >= 60
