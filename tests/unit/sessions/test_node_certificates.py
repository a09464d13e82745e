"""A node's certificates at the control plane: renewed in two phases, recovered after their end, checked always."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from homeport_proto.v1 import bulk_pb2, enrollment_pb2
from homeport_proto.v1 import session_pb2 as pb

from agent.link.csr import make_csr, make_key
from controlplane.auth.ca import CertificateAuthority, open_ca
from controlplane.auth.join_tokens import JoinTokens
from controlplane.fleet.node_lock import lock_node, unlock_node
from controlplane.fleet.node_quarantine import quarantine_of
from controlplane.sessions.bulk_service import BulkService
from controlplane.sessions.desired_state import DesiredStates
from controlplane.sessions.enrollment_service import EnrollmentService
from controlplane.sessions.logs import LogBroker
from controlplane.sessions.registry import NodeRegistry
from controlplane.sessions.session_service import SessionService, SessionTerms
from controlplane.sessions.sessions import Sessions
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Transaction
from homeport.core.issuing import MOST_RECOVERIES, IssuingBudget
from tests.fakes.clock import FakeClock
from tests.fakes.node_ca import AbortedError, FakeContext, Held, issue_to
from tests.fakes.session_stream import SessionStream

LIFE = timedelta(hours=24)


@dataclass
class Plane:
    store: MemoryStore
    ca: CertificateAuthority
    sessions: Sessions
    service: SessionService
    enrollment: EnrollmentService
    bulk: BulkService

    def stream(self, held: Held) -> SessionStream:
        return SessionStream(self.service, "", held.certificate)

    async def token(self) -> str:
        _, token = await self.store.write(lambda tx: JoinTokens("pin").create(tx, "home/default", 300))
        return token

    async def enroll(self, token: str, key: bytes) -> tuple[str, Held]:
        request = enrollment_pb2.EnrollRequest(join_token=token, csr=make_csr(key))
        answer = await self.enrollment.Enroll(request, FakeContext())
        return answer.node_id, Held(key, answer.certificate_pem)

    async def joined(self) -> tuple[str, Held]:
        return await self.enroll(await self.token(), make_key())

    async def renew(self, held: Held) -> Held:
        key = make_key()
        answer = await self.service.Renew(pb.RenewRequest(csr=make_csr(key)), FakeContext(held.certificate))
        return Held(key, answer.certificate_pem)

    async def recover(self, held: Held) -> Held:
        key = make_key()
        request = enrollment_pb2.RecoverRequest(**held.recovery(key))
        answer = await self.enrollment.Recover(request, FakeContext())
        return Held(key, answer.certificate_pem)

    async def ending(self, held: Held) -> str:
        """Why a new session of this certificate ends at once."""
        async with self.stream(held) as stream:
            stream.send(pb.AgentMessage(hello=pb.Hello()))
            return (await stream.expect("goodbye")).goodbye.reason

    def quarantined(self, node_id: str) -> str | None:
        """Why somebody was turned away as a copy of it."""
        node = self.store.get(Kind.NODE, node_id)
        quarantine = quarantine_of(node) if node else None
        return quarantine.why if quarantine else None

    async def connect(self, held: Held) -> None:
        async with self.stream(held) as stream:
            await stream.hello()


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Plane]:
    store = MemoryStore()
    await store.open()

    def seed(tx: Transaction) -> None:
        tx.create(Kind.CLUSTER, "home", {"id": "home"})
        tx.create(Kind.NODEPOOL, "home/default", {"id": "default", "max_instances": 100})

    await store.write(seed)
    ca, registry, desired = open_ca(tmp_path), NodeRegistry(FakeClock()), DesiredStates(store)
    sessions = Sessions(store, desired)
    logs = LogBroker(sessions.ask)
    terms = SessionTerms("0.1.0", 1.0, (":8444",), ":8443", LIFE)
    service = SessionService(store, registry, sessions, desired, logs, ca, terms)
    follower = asyncio.create_task(sessions.follow_store())
    await asyncio.sleep(0)
    enrollment = EnrollmentService(store, ca, ":8443", LIFE)
    yield Plane(store, ca, sessions, service, enrollment, BulkService(sessions.doorkeeper, logs))
    follower.cancel()


def old(plane: Plane, node_id: str, days: float) -> Held:
    """A certificate that expired so long ago."""
    return issue_to(plane.ca, node_id, datetime.now(UTC) - timedelta(days=days) - LIFE, LIFE)


class TestRenewal:
    async def test_both_are_good_until_the_new_one_is_used(self, plane: Plane) -> None:
        _, first = await plane.joined()
        second = await plane.renew(first)
        await plane.connect(first)
        await plane.connect(second)
        assert await plane.ending(first) == "CLONE"
        await plane.connect(second)

    async def test_a_lost_reply_costs_nothing(self, plane: Plane) -> None:
        _, first = await plane.joined()
        lost = await plane.renew(first)
        second = await plane.renew(first)
        await plane.connect(second)
        assert await plane.ending(lost) == "CLONE"

    async def test_what_is_open_goes_on_with_the_one_before(self, plane: Plane) -> None:
        _, first = await plane.joined()
        async with plane.stream(first) as stream:
            await stream.hello()
            second = await plane.renew(first)
            third = await plane.renew(second)
            stream.send(pb.AgentMessage(heartbeat=pb.Heartbeat()))
            await stream.expect("heartbeat_echo")
            await plane.renew(third)  # the second use of a newer one ends it
            assert (await stream.expect("goodbye")).goodbye.reason == "SUPERSEDED"

    async def test_a_copy_gets_none(self, plane: Plane) -> None:
        _, first = await plane.joined()
        await plane.connect(await plane.renew(first))
        with pytest.raises(AbortedError, match="PERMISSION_DENIED CLONE: "):
            await plane.renew(first)

    async def test_a_node_of_a_release_that_remembered_none_keeps_its_certificate(self, plane: Plane) -> None:
        node_id, held = await plane.joined()
        await plane.store.write(lambda tx: tx.put_status(Kind.NODE, node_id, {"epoch": 3, "certificate_serial": "abc"}))
        await plane.connect(held)
        node = plane.store.get(Kind.NODE, node_id)
        assert node is not None
        assert node.status["certificates"]["current"]["number"]
        assert "certificate_serial" not in node.status


class TestRecovery:
    async def test_a_host_that_was_away_for_60_days_comes_back_unaided(self, plane: Plane) -> None:
        node_id, _ = await plane.joined()
        away = old(plane, node_id, 60)
        await plane.store.write(lambda tx: tx.put_status(Kind.NODE, node_id, {"epoch": 3}))  # it knows only this one
        assert await plane.ending(away) == "EXPIRED"
        back = await plane.recover(away)
        await plane.connect(back)
        with pytest.raises(AbortedError, match="CLONE"):
            await plane.recover(away)

    async def test_a_lost_reply_is_asked_for_again(self, plane: Plane) -> None:
        _, held = await plane.joined()
        await plane.recover(held)
        await plane.connect(await plane.recover(held))

    async def test_it_takes_the_key(self, plane: Plane) -> None:
        _, held = await plane.joined()
        thief = Held(make_key(), held.certificate)
        with pytest.raises(AbortedError, match="MUST_REENROL"):
            await plane.recover(thief)
        request = enrollment_pb2.RecoverRequest(**held.recovery(make_key()))
        request.csr = make_csr(make_key())  # another key than the one that was signed for
        with pytest.raises(AbortedError, match="MUST_REENROL"):
            await plane.enrollment.Recover(request, FakeContext())

    async def test_a_deleted_node_does_not_come_back(self, plane: Plane) -> None:
        node_id, held = await plane.joined()
        await plane.store.write(lambda tx: tx.delete(Kind.NODE, node_id))
        with pytest.raises(AbortedError, match="NOT_ENROLLED"):
            await plane.recover(held)


class TestEachMessage:
    async def test_an_expired_certificate_ends_its_session(self, plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
        _, held = await plane.joined()
        async with plane.stream(held) as stream:
            await stream.hello()
            monkeypatch.setattr(
                plane.sessions.doorkeeper, "_wall", lambda: datetime.now(UTC).timestamp() + LIFE.total_seconds() + 1
            )
            stream.send(pb.AgentMessage(heartbeat=pb.Heartbeat()))
            assert (await stream.expect("goodbye")).goodbye.reason == "EXPIRED"

    async def test_a_deleted_node_is_told_at_once(self, plane: Plane) -> None:
        node_id, held = await plane.joined()
        async with plane.stream(held) as stream:
            await stream.hello()
            await plane.store.write(lambda tx: tx.delete(Kind.NODE, node_id))
            assert (await stream.expect("goodbye")).goodbye.reason == "NOT_ENROLLED"
            assert await stream.receive() is None

    async def test_logs_are_taken_from_nodes_only(self, plane: Plane) -> None:
        _, first = await plane.joined()
        await plane.connect(await plane.renew(first))

        async def chunks() -> AsyncIterator[bulk_pb2.LogChunk]:
            yield bulk_pb2.LogChunk(question_id="q", lines=b"line\n")

        for context, reason in ((FakeContext(first.certificate), "CLONE"), (FakeContext(), "NOT_ENROLLED")):
            with pytest.raises(AbortedError, match=reason):
                await plane.bulk.PushLogs(chunks(), context)


class TestLock:
    async def test_the_open_session_is_told_at_once_and_no_other_begins(self, plane: Plane) -> None:
        node_id, held = await plane.joined()
        async with plane.stream(held) as stream:
            await stream.hello()
            await plane.store.write(lambda tx: lock_node(tx, node_id, "stolen?", stop_models=False))
            goodbye = (await stream.expect("goodbye")).goodbye
            assert (goodbye.reason, goodbye.stop_models) == ("LOCKED", False)
            assert await stream.receive() is None
        assert await plane.ending(held) == "LOCKED"
        for refused in (plane.renew, plane.recover):
            with pytest.raises(AbortedError, match="LOCKED"):
                await refused(held)
        await plane.store.write(lambda tx: unlock_node(tx, node_id))
        await plane.connect(held)

    async def test_nothing_that_comes_meanwhile_has_an_effect(self, plane: Plane) -> None:
        node_id, held = await plane.joined()
        async with plane.stream(held) as stream:
            await stream.hello()
            await plane.store.write(lambda tx: lock_node(tx, node_id, "", stop_models=False))
            report = pb.ReplicaState(replica_id="r1", deployment_id="chat", status="ready")
            stream.send(pb.AgentMessage(replica_status=pb.ReplicaStatus(replicas=[report])))
            await stream.expect("goodbye")
            assert await stream.receive() is None
        assert plane.service._registry.replicas_on(node_id) == []

    async def test_it_may_ask_to_stop_the_models(self, plane: Plane) -> None:
        node_id, held = await plane.joined()
        await plane.store.write(lambda tx: lock_node(tx, node_id, "", stop_models=True))
        async with plane.stream(held) as stream:
            stream.send(pb.AgentMessage(hello=pb.Hello()))
            assert (await stream.expect("goodbye")).goodbye.stop_models


class TestClones:
    """A and B are two agents with one state directory, and so with one certificate. A heartbeat is due each 2 s."""

    async def test_the_one_that_has_the_session_keeps_it(self, plane: Plane) -> None:
        node_id, held = await plane.joined()
        async with plane.stream(held) as a, plane.stream(held) as b:
            await a.hello(process_id="A")
            b.send(pb.AgentMessage(hello=pb.Hello(process_id="B")))
            for _ in range(4):  # before B has come nothing counts, so one of them may be early
                a.send(pb.AgentMessage(heartbeat=pb.Heartbeat()))
                await a.expect("heartbeat_echo")
                await asyncio.sleep(0.05)
            assert (await b.expect("goodbye")).goodbye.reason == "CLONE"
            a.send(pb.AgentMessage(heartbeat=pb.Heartbeat()))
            await a.expect("heartbeat_echo")
        assert plane.quarantined(node_id) == "rival"

    async def test_a_restarted_agent_is_no_clone(self, plane: Plane) -> None:
        node_id, held = await plane.joined()
        for process_id in ("A", "B"):
            async with plane.stream(held) as stream:
                await stream.hello(process_id=process_id)
        assert plane.quarantined(node_id) is None

    async def test_nor_is_one_whose_first_session_is_silent(self, plane: Plane) -> None:
        """As after a power cut, which closes no connection."""
        node_id, held = await plane.joined()
        async with plane.stream(held) as dead, plane.stream(held) as restarted:
            await dead.hello(process_id="A")
            await restarted.hello(process_id="B")
            assert (await dead.expect("goodbye")).goodbye.reason == "SUPERSEDED"
        assert plane.quarantined(node_id) is None

    async def test_a_restored_snapshot_is_told_by_its_older_certificate(self, plane: Plane) -> None:
        node_id, first = await plane.joined()
        second = await plane.renew(first)
        async with plane.stream(second) as stream:
            await stream.hello(process_id="A")
            assert await plane.ending(first) == "CLONE"
            stream.send(pb.AgentMessage(heartbeat=pb.Heartbeat()))
            await stream.expect("heartbeat_echo")
        assert plane.quarantined(node_id) == "certificate"


class TestBudget:
    async def test_a_node_that_recovers_all_the_time_is_told_to_wait(self, plane: Plane) -> None:
        _, held = await plane.joined()
        for _ in range(MOST_RECOVERIES):
            held = await plane.recover(held)
        with pytest.raises(AbortedError, match="RESOURCE_EXHAUSTED"):
            await plane.recover(held)
        await plane.connect(held)

    async def test_a_fleet_that_comes_back_at_once_gets_its_certificates_one_after_another(self, plane: Plane) -> None:
        nodes = [await plane.joined() for _ in range(3)]
        plane.enrollment._issuing = plane.service._issuing = IssuingBudget(per_second=1e-3, at_once=2)
        await plane.recover(nodes[0][1])
        await plane.renew(nodes[1][1])
        for ask in (plane.recover, plane.renew):
            with pytest.raises(AbortedError, match="UNAVAILABLE") as refused:
                await ask(nodes[2][1])
            assert refused.value.code.name == "UNAVAILABLE"  # which has no reason of its own, so that it asks again
        await plane.connect(nodes[2][1])


class TestJoining:
    async def test_the_same_token_and_key_get_the_same_certificate(self, plane: Plane) -> None:
        token, key = await plane.token(), make_key()
        first, again = await plane.enroll(token, key), await plane.enroll(token, key)
        assert first == again
        await plane.connect(first[1])

    async def test_of_fifty_uses_at_once_one_succeeds(self, plane: Plane) -> None:
        token = await plane.token()
        results = await asyncio.gather(*(plane.enroll(token, make_key()) for _ in range(50)), return_exceptions=True)
        assert sum(isinstance(result, tuple) for result in results) == 1
        refusals = {str(result) for result in results if isinstance(result, AbortedError)}
        assert len(refusals) == 1
        assert "UNAUTHENTICATED" in refusals.pop()
        assert len(plane.store.all(Kind.NODE)) == 1
