from hypothesis import given
from hypothesis import strategies as st

from homeport.core.balance.ejection import Failure, Standing, after_failure, after_success


def fail(standing: Standing | None, failure: Failure, now: float) -> Standing:
    return after_failure(standing, failure, now, now)


def test_bad_gateways_in_a_row_eject_and_an_answer_between_them_does_not_let_them_add_up() -> None:
    standing = None
    for now in range(4):
        standing = fail(standing, Failure.BAD_GATEWAY, now)
        assert not standing.is_out(now)
    assert standing is not None
    assert fail(standing, Failure.BAD_GATEWAY, 4.0).is_out(4.4)
    assert after_success(standing, 0.0) is None


def test_one_lost_connection_ejects_for_half_a_second() -> None:
    standing = fail(None, Failure.LOST, 10.0)
    assert (standing.is_out(10.49), standing.is_out(10.5)) == (True, False)
    assert not standing.is_unreachable
    assert fail(None, Failure.UNREACHABLE, 10.0).is_unreachable


def test_three_stalls_eject() -> None:
    standing = fail(fail(None, Failure.STALLED, 1.0), Failure.STALLED, 2.0)
    assert not standing.is_out(2.0)
    assert fail(standing, Failure.STALLED, 3.0).is_out(3.4)


def test_the_time_out_doubles_with_every_failed_trial_up_to_half_a_minute() -> None:
    standing, now, times = fail(None, Failure.LOST, 0.0), 0.0, []
    for _ in range(9):
        times.append(standing.until - now)
        now = standing.until
        assert standing.is_on_trial(now)
        standing = fail(standing.on_trial(now), Failure.BAD_GATEWAY, now)
    assert times == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_a_trial_is_one_request_until_it_ends_or_takes_too_long() -> None:
    standing = fail(fail(None, Failure.LOST, 0.0), Failure.LOST, 0.5)
    on_trial = standing.on_trial(1.5)
    assert (on_trial.is_out(1.6), on_trial.is_on_trial(1.6)) == (True, False)
    assert on_trial.is_on_trial(2.5), "it says nothing: another one"
    assert after_success(on_trial, 1.5) is None, "well again, and nothing is remembered"


def test_requests_from_before_the_ejection_say_nothing() -> None:
    standing = fail(None, Failure.LOST, 10.0)
    assert after_failure(standing, Failure.LOST, 9.9, 10.1) == standing, "one death is one failure"
    assert after_success(standing, 9.9) == standing


@given(st.lists(st.tuples(st.sampled_from(Failure), st.floats(0, 60))))
def test_nobody_is_out_for_longer_than_half_a_minute(story: list[tuple[Failure, float]]) -> None:
    now, standing = 0.0, None
    for failure, later in story:
        now += later
        standing = fail(standing, failure, now)
        assert standing.until <= now + 30.0
        assert not standing.is_out(now + 30.0)
