"""Certificates after an outage, told in seconds."""

from hypothesis import given
from hypothesis import strategies as st

from homeport.core.issuing import MOST_RECOVERIES, IssuingBudget, may_recover, recent_recoveries

DAY = 86_400.0


def test_ten_recoveries_an_hour() -> None:
    recoveries = [100.0 * number for number in range(MOST_RECOVERIES)]
    assert may_recover(recoveries[:-1], 1000, DAY)
    assert not may_recover(recoveries, 1000, DAY)
    assert not may_recover(recoveries, 3599, DAY)
    assert may_recover(recoveries, 3600, DAY)


def test_where_certificates_are_short_one_a_life() -> None:
    recoveries = [10.0 * number for number in range(MOST_RECOVERIES)]
    assert not may_recover(recoveries, 99, life=10)
    assert may_recover(recoveries, 100, life=10)


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    assert recent_recoveries([5000.0] * MOST_RECOVERIES, 100, DAY) == ()


def test_ten_thousand_at_once_get_theirs_one_after_another() -> None:
    budget = IssuingBudget(200, 200)
    assert sum(budget.take(0.0) for _ in range(10_000)) == 200
    assert sum(budget.take(0.5) for _ in range(10_000)) == 100
    assert sum(budget.take(100.0) for _ in range(10_000)) == 200


@given(st.lists(st.floats(0, 0.2), max_size=400))
def test_no_second_has_more_than_twice_its_share(pauses: list[float]) -> None:
    budget, now, granted = IssuingBudget(10, 10), 0.0, []
    for pause in pauses:
        now += pause
        if budget.take(now):
            granted.append(now)
    for at in granted:
        assert sum(at <= other < at + 1 for other in granted) <= 20
