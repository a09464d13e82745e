import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.sign_in_backoff import LONGEST_WAIT_SECONDS, SignInBackoff


def _after(failures: int, at: float = 100.0) -> SignInBackoff:
    backoff = SignInBackoff()
    for _ in range(failures):
        backoff.failed("anna", at)
    return backoff


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (4, 0), (5, 1), (6, 2), (8, 8), (12, 128), (14, LONGEST_WAIT_SECONDS), (2000, LONGEST_WAIT_SECONDS)],
)
def test_each_wrong_password_makes_the_next_one_wait_longer(failures: int, seconds: float) -> None:
    backoff = _after(failures)
    assert backoff.must_wait("anna", "10.0.0.1", 100.0) == seconds
    assert backoff.must_wait("anna", "10.0.0.1", 100.0 + seconds) == 0.0
    assert backoff.must_wait("ben", "10.0.0.1", 100.0) == 0.0


def test_the_right_password_ends_the_wait_and_where_it_came_from_never_waits() -> None:
    backoff = _after(9)
    backoff.succeeded("anna", "10.0.0.1")
    assert backoff.must_wait("anna", "10.0.0.9", 100.0) == 0.0
    for _ in range(9):
        backoff.failed("anna", 200.0)
    assert backoff.must_wait("anna", "10.0.0.1", 200.0) == 0.0
    assert backoff.must_wait("anna", "10.0.0.9", 200.0) == 16.0


def test_who_must_wait_is_told_for_how_long() -> None:
    with pytest.raises(HomeportError) as raised:
        _after(7).check("anna", "10.0.0.1", 101.0)
    assert (raised.value.code, raised.value.retry_after_seconds) == (ErrorCode.TOO_MANY_REQUESTS, 3.0)


@given(st.lists(st.floats(0.0, 30.0), max_size=200))
def test_however_the_tries_are_spaced_an_hour_has_few_of_them(pauses: list[float]) -> None:
    """Each from an address of its own."""
    backoff, now, looked_at = SignInBackoff(), 0.0, 0
    for number, pause in enumerate(pauses):
        now += pause
        if not backoff.must_wait("anna", f"10.0.{number // 250}.{number % 250}", now):
            looked_at += 1
            backoff.failed("anna", now)
    # 5 are free, 9 double the wait up to its longest, then 12 an hour.
    assert looked_at <= 5 + 10 + now / LONGEST_WAIT_SECONDS
