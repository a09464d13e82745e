"""When a scheduled minimum holds, and who keeps which part of it. 2026-11-20 is a Friday."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.schedule import ScheduledMin, matches, scheduled, shares

FRI, SAT = 4, 5


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}")


OFFICE = ScheduledMin(3, days=(0, 1, 2, 3, 4), starts=8 * 60, ends=18 * 60)
NIGHT = ScheduledMin(3, days=(FRI,), starts=22 * 60, ends=6 * 60)
ALWAYS = ScheduledMin(3)
SATURDAY = ScheduledMin(3, days=(SAT,))


@pytest.mark.parametrize(
    ("entry", "time", "holds"),
    [
        (OFFICE, "20T07:59", False),
        (OFFICE, "20T08:00", True),
        (OFFICE, "20T17:59:59", True),
        (OFFICE, "20T18:00", False),
        (OFFICE, "21T12:00", False),
        # Over midnight: it belongs to the day on which it begins.
        (NIGHT, "20T21:59", False),
        (NIGHT, "20T22:00", True),
        (NIGHT, "21T05:59", True),
        (NIGHT, "21T06:00", False),
        (NIGHT, "21T22:00", False),
        (NIGHT, "20T03:00", False),
        (ALWAYS, "20T00:00", True),
        (SATURDAY, "20T23:59", False),
        (SATURDAY, "21T00:00", True),
        (SATURDAY, "21T23:59", True),
        (SATURDAY, "22T00:00", False),
    ],
)
def test_from_one_time_to_another(entry: ScheduledMin, time: str, holds: bool) -> None:
    assert entry.holds(at(time)) is holds


@pytest.mark.parametrize(
    ("cron", "time", "holds"),
    [
        ("* 8-17 * * mon-fri", "20T17:59", True),
        ("* 8-17 * * mon-fri", "20T18:00", False),
        ("* 8-17 * * mon-fri", "21T12:00", False),
        ("*/15 * * * *", "20T10:45", True),
        ("*/15 * * * *", "20T10:46", False),
        ("5/20 * * * *", "20T10:45", True),
        ("0-9,50-59 * * nov *", "20T10:55", True),
        ("* * * 1-10 *", "20T10:55", False),
        ("* * * * 0", "22T10:00", True),
        ("* * * * 7", "22T10:00", True),
        ("* * * * sun", "20T10:00", False),
        # Both kinds of day: either will do.
        ("* * 1 * fri", "20T10:00", True),
        ("* * 21 * fri", "21T10:00", True),
        ("* * 1 * mon", "20T10:00", False),
        ("* * 1 * *", "20T10:00", False),
    ],
)
def test_the_minutes_of_a_cron_line(cron: str, time: str, holds: bool) -> None:
    assert ScheduledMin(1, cron=cron).holds(at(time)) is holds


@pytest.mark.parametrize(
    "cron",
    ["", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "a * * * *", "*/0 * * * *",
     "9-5 * * * *", "1,,2 * * * *", "* * * foo *", "*/ * * * *", "-1 * * * *"],
)  # fmt: skip
def test_a_line_that_is_none_says_so(cron: str) -> None:
    with pytest.raises(ValueError, match=r"fields|no part of"):
        matches(cron, at("20T10:00"))


def test_the_highest_of_those_that_hold_counts_each_in_its_time_zone() -> None:
    noon = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
    lunch = [
        ScheduledMin(2, "Europe/Berlin", starts=13 * 60, ends=14 * 60),
        ScheduledMin(5, "America/New_York", starts=7 * 60, ends=8 * 60),
        ScheduledMin(9, "UTC", starts=13 * 60, ends=14 * 60),
    ]

    def local(hours: float) -> int:
        return scheduled(lunch, lambda zone: (noon + timedelta(hours=hours)).astimezone(ZoneInfo(zone)))

    assert [local(hours) for hours in (-1, 0, 1, 2)] == [0, 5, 9, 0]
    assert scheduled([], lambda zone: noon) == 0


@pytest.mark.parametrize(
    ("wanted", "budgets", "kept"),
    [
        (0, [(0, 4), (0, 4)], [0, 0]),
        (3, [(0, 4), (0, 4)], [3, 0]),
        (6, [(0, 4), (0, 4)], [4, 2]),
        (9, [(0, 4), (0, 4)], [4, 4]),
        (3, [(1, 4), (1, 4)], [2, 1]),
        (1, [(1, 4), (1, 4)], [1, 1]),
    ],
)
def test_nodes_keep_their_part_in_order(wanted: int, budgets: list[tuple[int, int]], kept: list[int]) -> None:
    assert shares(wanted, budgets) == kept


@given(st.integers(0, 50), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=8))
def test_the_parts_make_up_what_is_wanted_within_the_budgets(wanted: int, spans: list[tuple[int, int]]) -> None:
    budgets = [(low, low + more) for low, more in spans]
    kept = shares(wanted, budgets)
    assert all(low <= part <= high for part, (low, high) in zip(kept, budgets, strict=True))
    least, most = sum(low for low, _ in budgets), sum(high for _, high in budgets)
    assert sum(kept) == min(max(wanted, least), most)
