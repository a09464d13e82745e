import pytest

from controlplane.sessions.registry import NodeLoad, NodeRegistry
from homeport.core.resources import Inventory
from homeport.core.status import NodeStatus, ReplicaReport, ReplicaStatus
from tests.fakes.clock import FakeClock

INVENTORY = Inventory("host-a")


def report(replica_id: str, status: ReplicaStatus = ReplicaStatus.READY, deployment: str = "chat") -> ReplicaReport:
    return ReplicaReport(replica_id, "p1", deployment, 1, status)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def registry(clock: FakeClock) -> NodeRegistry:
    return NodeRegistry(clock)


@pytest.mark.parametrize(
    ("silent_seconds", "status"),
    [
        (0, NodeStatus.READY),
        (5, NodeStatus.READY),
        (5.1, NodeStatus.SUSPECT),
        (15, NodeStatus.SUSPECT),
        (15.1, NodeStatus.DISCONNECTED),
        (60, NodeStatus.DISCONNECTED),
        (60.1, NodeStatus.LOST),
    ],
)
def test_a_connected_node_changes_status_by_silence(
    registry: NodeRegistry, clock: FakeClock, silent_seconds: float, status: NodeStatus
) -> None:
    registry.connected("n1", 1, INVENTORY, "0.1.0")
    clock.advance(silent_seconds)
    assert registry.status("n1") is status


def test_a_closed_stream_is_suspect_at_once(registry: NodeRegistry) -> None:
    registry.connected("n1", 1, INVENTORY, "0.1.0")
    registry.disconnected("n1", 1)
    assert registry.status("n1") is NodeStatus.SUSPECT


def test_the_end_of_an_older_stream_changes_nothing(registry: NodeRegistry) -> None:
    registry.connected("n1", 1, INVENTORY, "0.1.0")
    registry.connected("n1", 2, INVENTORY, "0.1.0")
    registry.disconnected("n1", 1)
    assert registry.status("n1") is NodeStatus.READY


def test_a_restarted_control_plane_gives_unheard_nodes_the_full_time(registry: NodeRegistry, clock: FakeClock) -> None:
    assert registry.status("never-heard") is NodeStatus.SUSPECT
    clock.advance(60)
    assert registry.status("never-heard") is NodeStatus.DISCONNECTED
    clock.advance(1)
    assert registry.status("never-heard") is NodeStatus.LOST


def test_replicas_of_a_silent_node_are_unknown_not_gone(registry: NodeRegistry, clock: FakeClock) -> None:
    registry.connected("n1", 1, INVENTORY, "0.1.0")
    registry.set_replicas("n1", [report("r1"), report("r2", deployment="other")])
    assert [(node, r.status) for node, r in registry.replicas("chat")] == [("n1", ReplicaStatus.READY)]
    clock.advance(16)
    assert [(r.replica_id, r.status) for _, r in registry.replicas()] == [
        ("r1", ReplicaStatus.UNKNOWN),
        ("r2", ReplicaStatus.UNKNOWN),
    ]


def test_reports_merge_and_stopped_replicas_are_forgotten(registry: NodeRegistry) -> None:
    registry.connected("n1", 1, INVENTORY, "0.1.0")
    registry.set_replicas("n1", [report("r1"), report("r2")])
    registry.set_replicas("n1", [report("r1", ReplicaStatus.STOPPED)])
    assert [r.replica_id for _, r in registry.replicas()] == ["r2"]
    registry.set_replicas("n1", [report("r3")], all_of_them=True)
    assert [r.replica_id for _, r in registry.replicas()] == ["r3"]


def test_listeners_hear_of_silence_only_through_sweep_and_once(registry: NodeRegistry, clock: FakeClock) -> None:
    heard: list[str] = []
    registry.connected("n1", 1, INVENTORY, "0.1.0")
    registry.listeners.append(heard.append)
    registry.heard("n1", NodeLoad())
    registry.sweep()
    assert heard == []
    clock.advance(6)
    registry.sweep()
    registry.sweep()
    assert heard == ["n1"]
