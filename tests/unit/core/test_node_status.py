import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.node_status import SilenceLimits, node_status
from homeport.core.status import NodeStatus

LIMITS = SilenceLimits(suspect=5, disconnected=15, lost=60)
ORDER = [NodeStatus.READY, NodeStatus.SUSPECT, NodeStatus.DISCONNECTED, NodeStatus.LOST]


@pytest.mark.parametrize(
    ("silent", "connected", "expected"),
    [
        (0, True, NodeStatus.READY),
        (5, True, NodeStatus.READY),
        (5.001, True, NodeStatus.SUSPECT),
        (0, False, NodeStatus.SUSPECT),
        (15, True, NodeStatus.SUSPECT),
        (15, False, NodeStatus.SUSPECT),
        (15.001, True, NodeStatus.DISCONNECTED),
        (60, False, NodeStatus.DISCONNECTED),
        (60.001, True, NodeStatus.LOST),
        (60.001, False, NodeStatus.LOST),
    ],
)
def test_at_the_limit_not_yet_and_after_it_yes(silent: float, connected: bool, expected: NodeStatus) -> None:
    assert node_status(silent, connected, LIMITS) is expected


@given(st.floats(0, 1000), st.floats(0, 1000), st.booleans())
def test_more_silence_never_looks_better(one: float, other: float, connected: bool) -> None:
    less, more = sorted((one, other))
    before, after = node_status(less, connected, LIMITS), node_status(more, connected, LIMITS)
    assert ORDER.index(before) <= ORDER.index(after)


@given(st.floats(0, 1000))
def test_an_open_stream_never_looks_worse_than_a_closed_one(silent: float) -> None:
    assert ORDER.index(node_status(silent, True, LIMITS)) <= ORDER.index(node_status(silent, False, LIMITS))
