"""Budgets that go up wait for those that go down. Agents hear late, and are heard later still."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from homeport.core.placement.raises import Raised, Unacked, raise_budgets, unacked
from homeport.core.placement.types import Budget
from homeport.core.resources import DeviceShare

NODES = "abc"


def budgets(targets: Mapping[str, int]) -> tuple[Budget, ...]:
    return tuple(Budget(id, rank, 0, most) for rank, (id, most) in enumerate(targets.items()) if most)


def maxima(raised: Raised) -> dict[str, int]:
    return {budget.node_id: budget.max_replicas for budget in raised.budgets}


@pytest.mark.parametrize(
    ("planned", "acting", "kept", "maximum", "expected", "withheld"),
    [
        # Nobody had anything: all of it is given out at once.
        ({"a": 3, "b": 1}, {}, {}, 4, {"a": 3, "b": 1}, 0),
        # `a` may still run four: `b` waits.
        ({"a": 2, "b": 2}, {"a": 4}, {}, 4, {"a": 2}, 2),
        # It has acknowledged: two.
        ({"a": 2, "b": 2}, {"a": 2}, {}, 4, {"a": 2, "b": 2}, 0),
        # Four at most now, eight may run: nothing rises, in whatever rank.
        ({"b": 1, "a": 3}, {"a": 8}, {}, 4, {"a": 3}, 1),
        # One that lost its place, and has not acknowledged that.
        ({"b": 3}, {"a": 2}, {}, 3, {"b": 1}, 2),
        # The maximum was raised: that much is free.
        ({"a": 4, "b": 2}, {"a": 4}, {}, 6, {"a": 4, "b": 2}, 0),
        # `a` is being left: what it keeps until others have taken over comes on top, the rest of its four does not.
        ({"b": 4}, {"a": 4}, {"a": 1}, 4, {"b": 1}, 3),
        ({"b": 4}, {"a": 1}, {"a": 1}, 4, {"b": 4}, 0),
    ],
)
def test_what_may_be_given_now(
    planned: dict[str, int],
    acting: dict[str, int],
    kept: dict[str, int],
    maximum: int,
    expected: dict[str, int],
    withheld: int,
) -> None:
    raised = raise_budgets(budgets(planned), acting, acting, kept, maximum)
    assert (maxima(raised), raised.withheld) == (expected, withheld)


def test_a_budget_that_is_cut_keeps_its_first_devices() -> None:
    devices = tuple(DeviceShare(f"gpu-{number}", 1) for number in range(6))
    raised = raise_budgets([Budget("b", 0, 3, 3, devices)], {"a": 1}, {"a": 1}, {}, 3)
    assert raised.budgets == (Budget("b", 0, 2, 2, devices[:4]),)


def test_a_wait_goes_on_until_it_is_acknowledged_and_begins_anew_when_lowered_further() -> None:
    before = [Unacked("a", 4, seq=7)]
    assert unacked(before, {"a": 2}, {"a": 2}, {"a": 4}) == (Unacked("a", 4, 7),)
    assert unacked(before, {"a": 2}, {"a": 1}, {"a": 4}) == (Unacked("a", 4, 0),)
    assert unacked(before, {"a": 2}, {"a": 5}, {"a": 4}) == ()
    assert unacked([], {"a": 2}, {}, {"a": 2}) == (Unacked("a", 2, 0),)


@dataclass
class Agent:
    """What it acts on; what is on its way to it, oldest first, and its acknowledgements on their way back."""

    acts_on: int = 0
    inbox: deque[tuple[int, int]] = field(default_factory=deque)
    acks: deque[int] = field(default_factory=deque)
    acked: int = 0
    lost: bool = False

    def hear(self) -> None:
        if self.inbox and not self.lost:
            seq, self.acts_on = self.inbox.popleft()
            self.acks.append(seq)

    def be_heard(self) -> None:
        if self.acks and not self.lost:
            self.acked = self.acks.popleft()

    @property
    def may_act_on(self) -> int:
        return max([self.acts_on, *(most for _, most in self.inbox)])


class Plane:
    """Writes budgets towards any targets, and tells agents, in order but as late as it happens."""

    def __init__(self) -> None:
        self.agents = {id: Agent() for id in NODES}
        self.given: dict[str, int] = {}
        self.waiting: tuple[Unacked, ...] = ()
        self.maximum = 0
        self.seq = 0

    def round(self, targets: Mapping[str, int]) -> None:
        self.seq += 1
        before = tuple(each for each in self.waiting if self.agents[each.node_id].acked < each.seq)
        acting = dict(self.given)
        for each in before:
            acting[each.node_id] = max(each.max_replicas, acting.get(each.node_id, 0))
        here = {id: most for id, most in acting.items() if not self.agents[id].lost}
        planned = budgets({id: most for id, most in targets.items() if not self.agents[id].lost})
        giving = maxima(raise_budgets(planned, here, self.given, {}, self.maximum))
        giving |= {id: most for id, most in self.given.items() if self.agents[id].lost}
        waiting = unacked(before, self.given, giving, acting)
        self.waiting = tuple(Unacked(each.node_id, each.max_replicas, each.seq or self.seq) for each in waiting)
        for id, agent in self.agents.items():
            if giving.get(id, 0) != self.given.get(id, 0):
                agent.inbox.append((self.seq, giving.get(id, 0)))
        self.given = giving

    @property
    def exposure(self) -> int:
        """Of nodes that are not lost: what they may come to act on, whatever happens next."""
        return sum(agent.may_act_on for agent in self.agents.values() if not agent.lost)


def dealt(maximum: int, cuts: tuple[int, int]) -> dict[str, int]:
    """Any division of the maximum."""
    low, high = sorted(min(cut, maximum) for cut in cuts)
    return {"a": low, "b": high - low, "c": maximum - high}


happenings = st.lists(
    st.one_of(
        st.tuples(st.just("edit"), st.integers(0, 8)),
        st.tuples(st.just("round"), st.tuples(st.integers(0, 8), st.integers(0, 8))),
        st.tuples(st.sampled_from(["hear", "be heard", "lose", "return"]), st.sampled_from(NODES)),
    ),
    max_size=60,
)


@settings(max_examples=500)
@given(happenings)
@example(
    [("edit", 2), ("round", (1, 0)), ("hear", "c"), ("edit", 1), ("round", (0, 2)), ("hear", "c"), ("round", (0, 0))]
)
def test_no_order_of_events_lets_more_run_than_the_maximum_and_what_is_away(told: list[tuple[str, object]]) -> None:
    plane = Plane()
    for kind, what in told:
        before = plane.exposure
        match kind, what:
            case "edit", int(maximum):
                plane.maximum = maximum
            case "round", (int(one), int(two)):
                plane.round(dealt(plane.maximum, (one, two)))
                assert plane.exposure <= max(before, plane.maximum)
            case "hear", str(id):
                plane.agents[id].hear()
                assert plane.exposure <= before
            case "be heard", str(id):
                plane.agents[id].be_heard()
            case "lose", str(id):
                plane.agents[id].lost = True
            case "return", str(id):
                plane.agents[id].lost = False


@settings(max_examples=200)
@given(happenings, st.tuples(st.integers(0, 8), st.integers(0, 8)), st.integers(1, 8))
def test_once_all_are_heard_the_targets_are_reached(
    told: list[tuple[str, object]], cuts: tuple[int, int], maximum: int
) -> None:
    plane = Plane()
    for kind, what in told:
        if kind == "edit":
            assert isinstance(what, int)
            plane.maximum = what
        elif kind == "round":
            assert isinstance(what, tuple)
            plane.round(dealt(plane.maximum, what))
        elif kind == "hear":
            plane.agents[str(what)].hear()
    plane.maximum = maximum
    for _ in range(2):
        plane.round(dealt(maximum, cuts))
        for agent in plane.agents.values():
            while agent.inbox or agent.acks:
                agent.hear()
                agent.be_heard()
    plane.round(dealt(maximum, cuts))
    assert plane.given == {id: most for id, most in dealt(maximum, cuts).items() if most}
    assert plane.waiting == ()
