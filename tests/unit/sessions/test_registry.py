import pytest

from controlplane.sessions.listening_clock import ListeningClock
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
    registry.sweep(["n1"])
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


def test_a_restarted_control_plane_gives_unheard_nodes_one_grace_window(
    registry: NodeRegistry, clock: FakeClock
) -> None:
    assert registry.status("never-heard") is NodeStatus.SUSPECT
    for seconds, status in ((45, NodeStatus.SUSPECT), (45, NodeStatus.DISCONNECTED), (1, NodeStatus.LOST)):
        clock.advance(seconds)
        registry.sweep(["never-heard"])
        assert registry.status("never-heard") is status


def test_who_was_lost_before_the_restart_is_lost_until_it_connects(registry: NodeRegistry, clock: FakeClock) -> None:
    registry.note_lost("n1", since=0.0)
    registry.sweep(["n1"])
    assert registry.status("n1") is NodeStatus.LOST
    registry.connected("n1", 5, INVENTORY, "0.1.0")
    assert registry.status("n1") is NodeStatus.READY


def test_while_many_vanish_at_once_nobody_is_lost(registry: NodeRegistry, clock: FakeClock) -> None:
    fleet = {f"n{number}": "home" for number in range(5)}
    for node_id in fleet:
        registry.connected(node_id, 1, INVENTORY, "0.1.0")

    def pass_time(seconds: int, heard: set[str]) -> list[NodeStatus]:
        for _ in range(seconds):
            clock.advance(1)
            for node_id in heard:
                registry.heard(node_id, NodeLoad())
            registry.tally(fleet)
            registry.sweep(fleet)
        return [registry.status(node_id) for node_id in fleet]

    assert pass_time(200, {"n0"}) == [NodeStatus.READY] + [NodeStatus.DISCONNECTED] * 4
    assert registry.brake.vanished == 4
    assert pass_time(29, {"n0", "n1", "n2", "n3"})[-1] is NodeStatus.DISCONNECTED
    assert registry.brake.engaged_at is None
    assert pass_time(2, {"n0", "n1", "n2", "n3"})[-1] is NodeStatus.LOST


def test_a_lost_node_is_no_witness(registry: NodeRegistry, clock: FakeClock) -> None:
    fleet: dict[str, str] = {}
    for number in range(5):
        fleet[f"n{number}"] = "home"
        registry.connected(f"n{number}", 1, INVENTORY, "0.1.0")
        clock.advance(100)
        registry.tally(fleet)
        registry.sweep(fleet)
        assert registry.brake.engaged_at is None
    assert {registry.status(node_id) for node_id in fleet} == {NodeStatus.LOST}


def test_replicas_of_a_silent_node_are_unknown_not_gone(registry: NodeRegistry, clock: FakeClock) -> None:
    registry.connected("n1", 1, INVENTORY, "0.1.0")
    registry.set_replicas("n1", [report("r1"), report("r2", deployment="other")])
    assert [(node, r.status) for node, r in registry.replicas("chat")] == [("n1", ReplicaStatus.READY)]
    clock.advance(16)
    registry.sweep(["n1"])
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
    registry.sweep(["n1"])
    assert heard == []
    clock.advance(6)
    registry.sweep(["n1"])
    registry.sweep(["n1"])
    assert heard == ["n1"]


def test_a_clock_that_was_not_looked_at_did_not_run() -> None:
    real = FakeClock(100.0)
    clock = ListeningClock(real, longest_gap=2.0)
    real.advance(1.5)
    assert (clock(), clock.tick()) == (101.5, 0.0)
    real.advance(60)
    assert clock() == 103.5, "stopped for a minute: nothing looks later than the longest gap"
    assert clock.tick() == 58.0
    assert clock() == 103.5
    real.advance(1)
    assert clock() == 104.5
