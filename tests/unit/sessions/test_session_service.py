import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from homeport_proto.v1 import session_pb2 as pb

from controlplane.auth.ca import open_ca
from controlplane.sessions.desired_state import DesiredStates
from controlplane.sessions.logs import LogBroker
from controlplane.sessions.registry import NodeRegistry
from controlplane.sessions.session_service import SessionService, SessionTerms
from controlplane.sessions.sessions import Sessions
from controlplane.store.failing import FailingStore
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.status import NodeStatus, ReplicaStatus
from tests.fakes.clock import FakeClock
from tests.fakes.session_stream import SessionStream

DEPLOYMENT = {
    "id": "chat",
    "worker": {"model": {"id": "m", "model_version": {"id": "v1"}}},
    "nodepools": [{"id": "default", "compute_cluster": {"id": "home"}}],
}


@dataclass
class Plane:
    """The sessions' side of a control plane, on a store in memory."""

    store: FailingStore
    registry: NodeRegistry
    sessions: Sessions
    service: SessionService

    def stream(self, node_id: str = "n1") -> SessionStream:
        return SessionStream(self.service, node_id)

    async def put_placement(self, placement_id: str, node_id: str = "n1", **changes: Any) -> None:
        spec = {
            "deployment_id": "chat",
            "node_id": node_id,
            "revision": 1,
            "rank": 0,
            "min_replicas": 1,
            "max_replicas": 2,
            "devices": [],
            **changes,
        }

        def put(tx: Transaction) -> None:
            if tx.get(Kind.PLACEMENT, placement_id):
                tx.put_spec(Kind.PLACEMENT, placement_id, spec)
            else:
                tx.create(Kind.PLACEMENT, placement_id, spec)

        await self.store.write(put)


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Plane]:
    store = FailingStore(MemoryStore())
    await store.open()

    def seed(tx: Transaction) -> None:
        for node_id in ("n1", "n2"):
            tx.create(Kind.NODE, node_id, {"name": node_id, "cluster": "home", "nodepool": "default"}, {"epoch": 0})
        tx.create(Kind.DEPLOYMENT, "chat", DEPLOYMENT)
        tx.create(Kind.REVISION, "chat/1", {"workload": {"driver": "simulated"}, "spec_hash": "h1"})

    await store.write(seed)
    registry, desired = NodeRegistry(FakeClock()), DesiredStates(store)
    sessions = Sessions(store, desired)
    terms = SessionTerms("0.1.0", 2.0, (":8444",), ":8443", timedelta(hours=24))
    service = SessionService(store, registry, sessions, desired, LogBroker(sessions.ask), open_ca(tmp_path), terms)
    follower = asyncio.create_task(sessions.follow_store())
    await asyncio.sleep(0)
    yield Plane(store, registry, sessions, service)
    follower.cancel()


async def test_hello_brings_welcome_then_everything_that_the_node_should_run(plane: Plane) -> None:
    await plane.put_placement("p1")
    await plane.put_placement("p2", node_id="n2")
    async with plane.stream() as stream:
        stream.send(pb.AgentMessage(hello=pb.Hello(inventory=pb.Inventory(hostname="rack-1", cpu_milli=4000))))
        welcome = (await stream.expect("welcome")).welcome
        assert (welcome.epoch, welcome.heartbeat_seconds, list(welcome.gateways.targets)) == (1, 2.0, [":8444"])
        snapshot = (await stream.expect("desired_state")).desired_state
        assert snapshot.full
        assert [p.placement_id for p in snapshot.placements] == ["p1"]
        assert snapshot.placements[0].spec_hash == "h1"
        assert (snapshot.version.store_id, snapshot.version.seq) == (plane.store.store_id, plane.store.seq)
        node = plane.store.get(Kind.NODE, "n1")
        assert node is not None
        assert node.status["inventory"]["cpu_milli"] == 4000
        assert plane.registry.status("n1") is NodeStatus.READY
    assert plane.registry.status("n1") is NodeStatus.SUSPECT


async def test_gateways_on_hosts_of_their_own_are_told_at_once_and_to_those_who_come(plane: Plane) -> None:
    async with plane.stream() as one, plane.stream("n2") as two:
        await one.hello()
        for _ in range(2):
            plane.service.set_far_gateways(("edge.example:8444",))
        assert list((await one.expect("gateways")).gateways.targets) == [":8444", "edge.example:8444"]
        two.send(pb.AgentMessage(hello=pb.Hello()))
        assert list((await two.expect("welcome")).welcome.gateways.targets) == [":8444", "edge.example:8444"]
        plane.service.set_far_gateways(())
        assert list((await one.expect("gateways")).gateways.targets) == [":8444"], "each list is told once"


async def test_each_hello_raises_the_epoch_and_the_older_stream_is_told(plane: Plane) -> None:
    async with plane.stream() as first, plane.stream() as second:
        await first.hello()
        await second.hello()
        assert (first.epoch, second.epoch) == (1, 2)
        assert (await first.expect("goodbye")).goodbye.reason == "SUPERSEDED"
        assert await first.receive() is None
        assert plane.registry.status("n1") is NodeStatus.READY


async def test_a_message_of_an_older_epoch_has_no_effect(plane: Plane) -> None:
    async with plane.stream() as stream:
        await stream.hello()
        stale = pb.ReplicaStatus(replicas=[pb.ReplicaState(replica_id="r1", deployment_id="chat", status="ready")])
        stream.send(pb.AgentMessage(epoch=stream.epoch + 1, replica_status=stale))
        assert (await stream.expect("goodbye")).goodbye.reason == "SUPERSEDED"
        assert plane.registry.replicas() == []


async def test_a_node_that_is_not_enrolled_gets_no_session(plane: Plane) -> None:
    async with plane.stream("stranger") as stream:
        stream.send(pb.AgentMessage(hello=pb.Hello()))
        assert (await stream.expect("goodbye")).goodbye.reason == "NOT_ENROLLED"
        assert await stream.receive() is None


async def test_a_stream_must_begin_with_hello(plane: Plane) -> None:
    async with plane.stream() as stream:
        stream.send(pb.AgentMessage(heartbeat=pb.Heartbeat()))
        assert (await stream.expect("goodbye")).goodbye.reason == "INVALID"


async def test_heartbeats_are_echoed_and_load_is_kept(plane: Plane) -> None:
    async with plane.stream() as stream:
        await stream.hello()
        stream.send(pb.AgentMessage(heartbeat=pb.Heartbeat(cpu_used_cores=1.5, memory_used_bytes=7)))
        await stream.expect("heartbeat_echo")
        node = plane.registry.get("n1")
        assert node is not None
        assert (node.load.cpu_used_cores, node.load.memory_used_bytes) == (1.5, 7)


async def test_changes_follow_as_deltas_to_the_node_that_they_concern(plane: Plane) -> None:
    async with plane.stream() as one, plane.stream("n2") as two:
        await one.hello()
        await two.hello()
        await plane.put_placement("p1")
        delta = (await one.expect("desired_state")).desired_state
        assert not delta.full
        assert [p.placement_id for p in delta.placements] == ["p1"]
        await plane.put_placement("p1", max_replicas=5)
        assert (await one.expect("desired_state")).desired_state.placements[0].max_replicas == 5
        await plane.store.write(lambda tx: tx.delete(Kind.PLACEMENT, "p1"))
        gone = (await one.expect("desired_state")).desired_state
        assert (list(gone.removed_placements), list(gone.placements)) == (["p1"], [])
        two.send(pb.AgentMessage(heartbeat=pb.Heartbeat()))
        await two.expect("heartbeat_echo")


async def test_a_placement_that_moves_is_removed_here_and_sent_there(plane: Plane) -> None:
    await plane.put_placement("p1")
    async with plane.stream() as one, plane.stream("n2") as two:
        await one.hello()
        await two.hello()
        await plane.put_placement("p1", node_id="n2")
        assert list((await one.expect("desired_state")).desired_state.removed_placements) == ["p1"]
        assert [p.placement_id for p in (await two.expect("desired_state")).desired_state.placements] == ["p1"]


async def test_a_live_edit_of_the_policy_reaches_the_agents_at_once(plane: Plane) -> None:
    await plane.put_placement("p1")
    async with plane.stream() as stream:
        await stream.hello()
        await plane.store.write(lambda tx: tx.put_spec(Kind.DEPLOYMENT, "chat", {**DEPLOYMENT, "hold_seconds": 7.0}))
        placement = (await stream.expect("desired_state")).desired_state.placements[0]
        assert '"hold_seconds":7.0' in placement.policy_json


async def test_a_deployments_new_status_is_no_news_for_agents(plane: Plane) -> None:
    await plane.put_placement("p1")
    async with plane.stream() as stream:
        await stream.hello()
        await plane.store.write(lambda tx: tx.put_status(Kind.DEPLOYMENT, "chat", {"revision": 1, "noted": True}))
        await asyncio.sleep(0)
        stream.send(pb.AgentMessage(heartbeat=pb.Heartbeat()))
        await stream.expect("heartbeat_echo")


async def test_only_placements_that_are_really_gone_are_confirmed_as_removed(plane: Plane) -> None:
    await plane.put_placement("here")
    await plane.put_placement("elsewhere", node_id="n2")
    async with plane.stream() as stream:
        await stream.hello()
        stream.send(pb.AgentMessage(ack=pb.Ack(unlisted_placements=["here", "elsewhere", "deleted"])))
        confirmed = (await stream.expect("confirm_removals")).confirm_removals
        assert list(confirmed.removed_placements) == ["elsewhere", "deleted"]
        assert confirmed.deliberate


async def test_what_this_store_has_no_trace_of_is_left_alone(plane: Plane) -> None:
    await plane.put_placement("deleted")
    await plane.store.write(lambda tx: tx.delete(Kind.PLACEMENT, "deleted"))
    await plane.put_placement("elsewhere", node_id="n2")
    async with plane.stream() as stream:
        await stream.hello()
        stream.send(pb.AgentMessage(ack=pb.Ack(foreign_placements=["deleted", "elsewhere", "newer than the backup"])))
        confirmed = (await stream.expect("confirm_removals")).confirm_removals
        assert list(confirmed.removed_placements) == ["deleted", "elsewhere"]
        node = plane.registry.get("n1")
        assert node is not None
        assert node.unknown_placements == ("newer than the backup",)


async def test_an_agent_that_has_seen_more_than_there_is_proves_a_restored_backup(plane: Plane) -> None:
    async with plane.stream("n2") as witness, plane.stream() as stream:
        before = (await witness.hello()).version
        seen = pb.StoreSeq(store_id=before.store_id, seq=plane.store.seq + 100)
        snapshot = await stream.hello(applied=seen)
        assert snapshot.full
        assert snapshot.version.store_id == plane.store.store_id != before.store_id
        again = (await witness.expect("desired_state")).desired_state
        assert (again.full, again.version.store_id) == (True, plane.store.store_id)


async def test_an_agent_of_another_store_proves_nothing(plane: Plane) -> None:
    store_id = plane.store.store_id
    async with plane.stream() as stream:
        await stream.hello(applied=pb.StoreSeq(store_id="another", seq=10_000))
    assert plane.store.store_id == store_id


async def test_an_epoch_is_never_lower_than_what_the_agent_has_seen(plane: Plane) -> None:
    async with plane.stream() as stream:
        await stream.hello(epoch_seen=41)
        assert stream.epoch == 42


async def test_a_full_disk_keeps_no_agent_out(plane: Plane) -> None:
    plane.store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "full"), writes=1000)
    epochs = []
    for _ in range(3):
        async with plane.stream() as stream:
            await stream.hello()
            epochs.append(stream.epoch)
    assert epochs == [1, 2, 3]
    plane.store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "full"), writes=0)
    async with plane.stream() as stream:
        await stream.hello()
        assert stream.epoch == 4


async def test_a_node_that_is_heard_is_lost_no_more(plane: Plane) -> None:
    await plane.store.write(lambda tx: tx.put_status(Kind.NODE, "n1", {"epoch": 0, "lost_at": 5.0}))
    async with plane.stream() as stream:
        await stream.hello()
        node = plane.store.get(Kind.NODE, "n1")
        assert node is not None
        assert "lost_at" not in node.status


async def test_an_ack_of_another_store_does_not_count(plane: Plane) -> None:
    async with plane.stream() as stream:
        snapshot = await stream.hello()
        stream.send(pb.AgentMessage(ack=pb.Ack(applied=pb.StoreSeq(store_id="another", seq=10_000))))
        stream.send(pb.AgentMessage(ack=pb.Ack(applied=snapshot.version)))
        stream.send(pb.AgentMessage(heartbeat=pb.Heartbeat()))
        await stream.expect("heartbeat_echo")
        node = plane.registry.get("n1")
        assert node is not None
        assert node.applied_seq == snapshot.version.seq


async def test_replica_reports_reach_the_registry(plane: Plane) -> None:
    state = pb.ReplicaState(replica_id="r1", deployment_id="chat", revision=1, status="ready", start_ms=900)
    async with plane.stream() as stream:
        await stream.hello(replicas=[state])
        [(node_id, report)] = plane.registry.replicas("chat")
        assert (node_id, report.status, report.start_ms) == ("n1", ReplicaStatus.READY, 900)


async def test_a_deleted_node_is_sent_away(plane: Plane) -> None:
    async with plane.stream() as stream:
        await stream.hello()
        await plane.store.write(lambda tx: tx.delete(Kind.NODE, "n1"))
        assert (await stream.expect("goodbye")).goodbye.reason == "NOT_ENROLLED"
        assert await stream.receive() is None
