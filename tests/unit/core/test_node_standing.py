"""How a node stands, told in seconds of the control plane's clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.node_lifecycle.standing import Limits, Signs, Standing, stand
from homeport.core.status import NodeStatus

READY, SUSPECT = NodeStatus.READY, NodeStatus.SUSPECT
DISCONNECTED, LOST = NodeStatus.DISCONNECTED, NodeStatus.LOST
LIMITS = Limits(suspect=5, disconnected=15, lost=60, steady=4, steadiest=60, memory=300)
ORDER = [READY, SUSPECT, DISCONNECTED, LOST]


def status(silent: float, connected: bool, before: Standing | None = None, may_lose: bool = True) -> NodeStatus:
    return stand(before, Signs(1000 - silent, connected), 1000, LIMITS, may_lose).status


@pytest.mark.parametrize(
    ("silent", "connected", "expected"),
    [
        (0, True, READY),
        (5, True, READY),
        (5.001, True, SUSPECT),
        (0, False, SUSPECT),
        (15, True, SUSPECT),
        (15, False, SUSPECT),
        (15.001, True, DISCONNECTED),
        (60, False, DISCONNECTED),
        (60.001, True, LOST),
        (60.001, False, LOST),
    ],
)
def test_at_the_limit_not_yet_and_after_it_yes(silent: float, connected: bool, expected: NodeStatus) -> None:
    assert status(silent, connected) is expected


@given(st.floats(0, 1000), st.floats(0, 1000), st.booleans())
def test_more_silence_never_looks_better(one: float, other: float, connected: bool) -> None:
    less, more = sorted((one, other))
    assert ORDER.index(status(less, connected)) <= ORDER.index(status(more, connected))


@given(st.floats(0, 1000))
def test_an_open_stream_never_looks_worse_than_a_closed_one(silent: float) -> None:
    assert ORDER.index(status(silent, True)) <= ORDER.index(status(silent, False))


@given(st.floats(0, 1000), st.booleans())
def test_nobody_is_newly_lost_while_that_is_forbidden(silent: float, connected: bool) -> None:
    assert status(silent, connected, may_lose=False) is not LOST
    held = Standing(LOST, 0.0)
    assert (status(silent, connected, held, may_lose=False) is LOST) is (status(silent, connected, held) is LOST)


def test_who_is_lost_stays_so_until_it_is_heard() -> None:
    lost = stand(None, Signs(900, True), 1000, LIMITS)
    unseen = stand(lost, Signs(1030, False, unseen=True), 1001, LIMITS)
    assert (unseen.status, unseen.since) == (LOST, 1000)
    assert stand(unseen, Signs(1002, True), 1002, LIMITS).status is READY


def test_a_node_not_heard_of_since_the_start_says_so() -> None:
    standing = stand(None, Signs(1030, False, unseen=True), 1001, LIMITS)
    assert standing.status is SUSPECT
    assert "since the control plane started" in standing.reason


def test_since_is_when_the_status_began_not_when_it_was_last_looked_at() -> None:
    standing = stand(None, Signs(1000, True), 1000, LIMITS)
    told = []
    for now in (1002, 1006, 1009, 1016, 1050, 1061, 1100):
        standing = stand(standing, Signs(1000, True), now, LIMITS)
        told.append((standing.status, standing.since))
    assert told == [
        (READY, 1000),
        (SUSPECT, 1006),
        (SUSPECT, 1006),
        (DISCONNECTED, 1016),
        (DISCONNECTED, 1016),
        (LOST, 1061),
        (LOST, 1061),
    ]


class Flapping:
    """A node whose link comes and goes; it is looked at whenever that happens."""

    def __init__(self) -> None:
        self.standing = stand(None, Signs(0, True), 0, LIMITS)

    def up(self, now: float) -> NodeStatus:
        self.standing = stand(self.standing, Signs(now, True), now, LIMITS)
        return self.standing.status

    def down(self, now: float) -> NodeStatus:
        self.standing = stand(self.standing, Signs(now, False), now, LIMITS)
        return self.standing.status


def test_one_fall_is_forgiven_at_once() -> None:
    node = Flapping()
    assert node.down(10) is SUSPECT
    assert node.up(11) is READY


def test_each_further_fall_within_five_minutes_doubles_the_time_to_prove_itself() -> None:
    node = Flapping()
    node.down(10), node.up(11)
    assert node.down(20) is SUSPECT
    assert node.up(21) is SUSPECT
    assert "fell 2 times in 5 minutes: it must hold for 4 s" in node.standing.reason
    assert [node.up(24.9), node.up(25)] == [SUSPECT, READY]
    node.down(30), node.up(31)
    assert [node.up(38.9), node.up(39)] == [SUSPECT, READY]


def test_two_seconds_up_two_seconds_down_is_not_ready_until_it_ends() -> None:
    node = Flapping()
    statuses = []
    for cycle in range(75):
        statuses += [node.down(100 + 4 * cycle), node.up(102 + 4 * cycle), node.up(103.9 + 4 * cycle)]
    assert statuses[:3] == [SUSPECT, READY, READY]
    assert set(statuses[3:]) == {SUSPECT}
    assert [node.up(457.9), node.up(458)] == [SUSPECT, READY]


def test_falls_are_forgotten() -> None:
    node = Flapping()
    node.down(10), node.up(11), node.down(20), node.up(21), node.up(25)
    assert node.down(330) is SUSPECT
    assert node.up(331) is READY


@given(st.lists(st.tuples(st.floats(0.1, 100), st.booleans()), max_size=60))
def test_it_is_always_ready_a_minute_after_the_last_fall(steps: list[tuple[float, bool]]) -> None:
    node, now = Flapping(), 0.0
    for seconds, is_up in steps:
        now += seconds
        node.up(now) if is_up else node.down(now)
    node.up(now)
    assert node.up(now + LIMITS.steadiest) is READY
