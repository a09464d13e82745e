"""What lasts moves a budget, what does not moves nothing; and what has moved stays away for a while."""

from homeport.core.placement.pressure import Pressure, cap_of, heard, is_over, relieved

NONE = Pressure()


def told(*values: tuple[float, float]) -> Pressure:
    """(now, value) each."""
    pressure = NONE
    for now, value in values:
        pressure = heard(pressure, value, now)
    return pressure


def cap(pressure: Pressure, held: int, now: float) -> int | None:
    return cap_of(relieved(pressure, held, now), now)


def test_it_must_last_for_ten_seconds() -> None:
    pressure = told((100, 1))
    assert cap(pressure, 3, 109) is None
    assert cap(pressure, 3, 110) == 2
    assert cap(told((100, 1), (105, 0)), 3, 111) is None
    assert cap(told((100, 1), (105, 0), (106, 1)), 3, 115) is None, "it began anew"
    assert cap(told((100, 1), (109, 2)), 3, 110) == 1, "it became more"


def test_what_was_told_is_forgotten_after_thirty_seconds() -> None:
    pressure = told((100, 1))
    assert cap(pressure, 3, 130) == 2
    assert cap(pressure, 3, 131) is None
    assert cap(told((100, 1), (135, 1)), 3, 136) is None, "what lies between is not known"


def test_no_node_gets_less_than_nothing() -> None:
    assert cap(told((0, 5)), 2, 10) == 0
    assert cap(told((0, 0.2)), 2, 10) == 1
    assert cap(told((0, 1)), 0, 10) is None, "it has nothing there"


def test_after_a_cut_it_must_last_anew_before_the_next_one() -> None:
    first = relieved(told((0, 1)), 3, 10)
    assert cap_of(first, 10) == 2
    again = heard(first, 1, 12)
    assert cap(again, 2, 19) == 2
    assert cap(again, 2, 20) == 1


def test_it_may_have_more_again_after_five_minutes_and_after_ten_when_it_was_the_same_again() -> None:
    first = relieved(told((0, 1)), 1, 10)
    assert (cap_of(first, 309), cap_of(first, 310)) == (0, None)
    second = relieved(heard(first, 1, 320), 1, 330)
    assert (cap_of(second, 929), cap_of(second, 930)) == (0, None)
    much_later = relieved(heard(second, 1, 10_000), 1, 10_010)
    assert (cap_of(much_later, 10_309), cap_of(much_later, 10_310)) == (0, None)


def test_it_is_forgotten_when_it_matters_no_more() -> None:
    assert is_over(told((0, 1), (5, 0)), 10)
    assert not is_over(told((0, 1)), 30)
    cut = heard(relieved(told((0, 1)), 1, 10), 0, 11)
    assert not is_over(cut, 400), "were it the same again now, it would be for longer"
    assert is_over(cut, 610)
