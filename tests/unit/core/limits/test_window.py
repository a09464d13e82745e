from hypothesis import given
from hypothesis import strategies as st

from homeport.core.limits.window import SlidingWindow


def test_what_was_used_leaves_after_a_minute() -> None:
    window = SlidingWindow()
    window.add(3, 100.0)
    window.add(2, 130.0)
    assert window.used(159.9) == 5
    assert [number for _, number in window.leaving(159.9)] == [3, 2]
    assert window.used(160.6) == 2
    assert window.used(190.6) == 0


def test_what_is_taken_back_is_what_was_added_last() -> None:
    window = SlidingWindow()
    window.add(10, 100.0)
    window.add(10, 130.0)
    window.add(-15, 140.0)
    assert window.used(140.0) == 5
    assert window.used(161.0) == 0


def test_more_than_there_is_cannot_be_taken_back() -> None:
    window = SlidingWindow()
    window.add(5, 100.0)
    window.add(-9, 101.0)
    assert window.used(101.0) == 0


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(-20, 50)), max_size=60))
def test_the_total_is_that_of_its_slots_also_when_told_to_others(steps: list[tuple[float, int]]) -> None:
    window, now = SlidingWindow(), 1000.0
    for seconds, number in steps:
        now += seconds
        window.add(number, now)
        used = window.used(now)
        assert used == sum(n for _, n in window.leaving(now)) >= 0
        assert SlidingWindow.of(window.slots(now), now + 7).used(now + 7) == used
