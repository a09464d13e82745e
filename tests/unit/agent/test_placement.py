"""What a message of the control plane may change, and what it may not."""

import pytest

from agent.placement import (
    DesiredState,
    DesiredUpdate,
    Placement,
    Removals,
    Unlisted,
    Version,
    confirm_removals,
    forget_removed,
    is_too_much,
    merge,
    unlisted,
)
from homeport.core.workload import Workload


def _placement(placement_id: str, most: int = 1) -> Placement:
    return Placement(placement_id, "chat", 1, 0, 0, most, Workload("process"), "h")


def _held(seq: int = 10, *placement_ids: str, removed: tuple[str, ...] = ()) -> DesiredState:
    placements = {key: _placement(key) for key in placement_ids}
    return DesiredState(Version("s", seq), placements, frozenset(removed), dict.fromkeys(placement_ids, "s"))


def test_a_lower_seq_of_the_same_store_is_dropped() -> None:
    assert merge(_held(10, "a"), DesiredUpdate(Version("s", 9), full=True)) is None
    assert merge(_held(10, "a"), DesiredUpdate(Version("s", 9), full=False, removed=("a",))) is None


def test_the_same_seq_is_taken_again() -> None:
    assert merge(_held(10, "a"), DesiredUpdate(Version("s", 10), full=True)) == _held(10, "a")


def test_a_restored_store_is_taken_with_a_snapshot_only() -> None:
    held = _held(10, "a")
    assert merge(held, DesiredUpdate(Version("t", 3), full=False, removed=("a",))) is None
    taken = merge(held, DesiredUpdate(Version("t", 3), full=True))
    assert taken is not None
    assert taken.version == Version("t", 3)
    assert taken.placements.keys() == {"a"}


def test_an_empty_snapshot_removes_nothing_and_asks() -> None:
    update = DesiredUpdate(Version("s", 11), full=True)
    held = merge(_held(10, "a", "b"), update)
    assert held is not None
    assert held.placements.keys() == {"a", "b"}
    assert unlisted(held, update, frozenset({"c"})) == Unlisted(known=("a", "b"), foreign=("c",))


def test_a_restored_store_cannot_know_what_the_one_before_has_named() -> None:
    update = DesiredUpdate(Version("restored", 3), True, (_placement("a"),))
    held = merge(_held(10, "a", "b"), update)
    assert held is not None
    assert unlisted(held, update, frozenset({"b"})) == Unlisted(foreign=("b",))
    later = DesiredUpdate(Version("restored", 4), full=True)
    held = merge(held, later)
    assert held is not None
    assert unlisted(held, later, frozenset()) == Unlisted(known=("a",), foreign=("b",))


def test_a_delta_changes_what_it_names() -> None:
    update = DesiredUpdate(Version("s", 11), False, (_placement("b", most=5),), removed=("a",))
    held = merge(_held(10, "a", "b", "c"), update)
    assert held is not None
    assert held.placements.keys() == {"b", "c"}
    assert held.placements["b"].max_replicas == 5
    assert held.removed == {"a"}
    assert unlisted(held, update, frozenset({"x"})) == Unlisted()


def test_a_removed_placement_may_come_back() -> None:
    held = merge(_held(10, removed=("a",)), DesiredUpdate(Version("s", 11), False, (_placement("a"),)))
    assert held is not None
    assert held.placements.keys() == {"a"}
    assert held.removed == frozenset()


def test_what_cannot_be_read_stays_and_is_not_asked_about() -> None:
    update = DesiredUpdate(Version("s", 11), full=True, unreadable=("a",))
    held = merge(_held(10, "a"), update)
    assert held is not None
    assert held.placements.keys() == {"a"}
    assert unlisted(held, update, frozenset()) == Unlisted()


def test_confirmed_removals_are_gone() -> None:
    held = confirm_removals(_held(10, "a", "b"), Removals(Version("s", 10), ("a", "unknown")))
    assert held is not None
    assert held.placements.keys() == {"b"}
    assert held.removed == {"a", "unknown"}


@pytest.mark.parametrize("version", [Version("s", 9), Version("other", 99)])
def test_a_stale_confirmation_is_dropped(version: Version) -> None:
    assert confirm_removals(_held(10, "a"), Removals(version, ("a",))) is None


@pytest.mark.parametrize(
    ("removed", "deliberate", "too_much"),
    [
        (("a",), False, False),
        (("a", "b"), False, False),
        (("a", "b", "c"), False, True),
        (("a", "b", "c", "d"), False, True),
        (("a", "b", "c", "d"), True, False),
        (("x", "y", "z"), False, False),
    ],
)
def test_more_than_half_goes_only_deliberately(removed: tuple[str, ...], deliberate: bool, too_much: bool) -> None:
    removals = Removals(Version("s", 10), removed, deliberate)
    assert is_too_much(_held(10, "a", "b", "c"), removals, frozenset({"d"})) is too_much


def test_removals_are_remembered_while_replicas_are_left() -> None:
    held = DesiredState(removed=frozenset({"a", "b"}), named_by={"a": "s", "b": "s"})
    left = forget_removed(held, frozenset({"a"}))
    assert left.removed == left.named_by.keys() == {"a"}
