"""The session against a real mTLS server that says what the test tells it to say."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from homeport_proto.v1 import session_pb2 as pb

from agent.link.bulk import LogPusher
from agent.link.link import Link
from agent.link.messages import Acknowledgement, Hello, Load, LogsQuestion, SiteUpdate, Welcome
from agent.link.renew import Renewer, renew_in
from agent.placement import DesiredUpdate, Removals, Unlisted, Version
from agent.state.identity import Identity, IdentityStore
from agent.state.site_gateways import SiteGateway
from controlplane.auth.ca import holds_key
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.resources import Inventory
from homeport.core.status import ReplicaReport, ReplicaStatus
from homeport.core.workload import Workload
from tests.fakes.certs import make_ca
from tests.fakes.control_plane import FakeControlPlane, delta, placement_message, snapshot

REPORT = ReplicaReport("r1", "p1", "chat", 1, ReplicaStatus.READY, start_ms=40)


class ScriptedNode:
    """Writes down what it is told. `persist` may be held up or fail."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.updates: list[DesiredUpdate] = []
        self.welcomes: list[Welcome] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures = 0
        self.kept = 0
        self.lacking: dict[str, int] = {}
        self.questions: list[LogsQuestion] = []

    def hello(self) -> Hello:
        return Hello(0, "boot", "process", "1.0", Inventory("box", cpu_milli=2000), (REPORT,), Version("store", 3))

    @property
    def epoch_kept(self) -> int:
        return self.kept

    async def keep_epoch(self, epoch: int) -> None:
        self.kept = epoch

    def pressure(self) -> dict[str, int]:
        return self.lacking

    def load(self) -> Load:
        return Load(0.5, 1000, 1.0)

    def welcomed(self, welcome: Welcome) -> None:
        self.welcomes.append(welcome)

    def gateways_changed(self, targets: tuple[str, ...]) -> None:
        self.events.append(f"gateways {','.join(targets)}")

    async def site_gateways_changed(self, gateways: tuple[SiteGateway, ...]) -> None:
        self.events.append(f"site gateways {','.join(each.target for each in gateways)}")

    def leases_granted(self, grant_json: str) -> None:
        raise AssertionError("it has no gateway")

    async def site_changed(self, update: SiteUpdate) -> None:
        self.events.append(f"site tables {update}")

    async def update_desired(self, update: DesiredUpdate) -> Acknowledgement | None:
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise HomeportError(ErrorCode.STORAGE_FULL, "disk full")
        self.updates.append(update)
        left = Unlisted(("unlisted",), ("foreign",)) if update.full else Unlisted()
        return Acknowledgement(update.version, left)

    async def confirm_removals(self, removals: Removals) -> Acknowledgement | None:
        self.events.append(f"confirmed {','.join(removals.removed)}, deliberate {removals.deliberate}")
        return Acknowledgement(removals.version)

    def history_kept(self, log_id: str, number: int) -> None:
        self.events.append(f"kept {log_id} to {number}")

    def asked_for_logs(self, question: LogsQuestion) -> str:
        self.questions.append(question)
        return "" if question.replica_id == "r1" else "no such replica"

    async def stop_models(self) -> None:
        self.events.append("models stopped")

    def question_cancelled(self, question_id: str) -> None:
        self.events.append(f"cancelled {question_id}")


@pytest.fixture
async def plane() -> AsyncIterator[FakeControlPlane]:
    async with FakeControlPlane(heartbeat_seconds=0.2) as plane:
        yield plane


@pytest.fixture
def node() -> ScriptedNode:
    return ScriptedNode()


@pytest.fixture
async def link(plane: FakeControlPlane, node: ScriptedNode) -> AsyncIterator[Link]:
    identity = plane.identity()
    loop = asyncio.get_running_loop()
    link = Link(lambda: identity, node, loop.time, loop.time, jitter=lambda: 0.0)
    running = asyncio.create_task(link.run())
    yield link
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_hello_says_it_all_and_welcome_grants_an_epoch(
    plane: FakeControlPlane, link: Link, node: ScriptedNode
) -> None:
    connection = await plane.connection()
    hello = connection.hello
    assert hello.inventory.cpu_milli == 2000
    assert hello.applied == pb.StoreSeq(store_id="store", seq=3)
    assert [(r.replica_id, r.status, r.start_ms) for r in hello.replicas] == [("r1", "ready", 40)]
    connection.say(question=pb.Question(question_id="q", logs=pb.LogsQuestion(replica_id="nope")))
    await connection.next("answer")
    assert link.state.connected
    assert link.epoch == 1
    assert node.welcomes[0].bulk_target == f":{plane.session_port}"


async def test_heartbeats_flow_and_carry_the_epoch(plane: FakeControlPlane, link: Link) -> None:
    connection = await plane.connection()
    link.replica_changed(REPORT)
    await connection.until_replica(lambda replica: replica.replica_id == "r1")
    await _until(lambda: connection.heartbeats >= 3)


async def test_pressure_is_told_and_that_it_is_over(plane: FakeControlPlane, link: Link, node: ScriptedNode) -> None:
    connection = await plane.connection()
    node.lacking = {"chat": 2}
    told = await connection.next("pressure")
    assert (told.deployment_id, told.value) == ("chat", 2.0)
    node.lacking = {}
    over = await connection.next("pressure")
    assert (over.deployment_id, over.value) == ("chat", 0.0)


async def test_the_ack_comes_after_the_disk(plane: FakeControlPlane, link: Link, node: ScriptedNode) -> None:
    connection = await plane.connection()
    node.gate.clear()
    connection.say(desired_state=snapshot(5, placement_message(Workload("process", ("serve",)))))
    # News of a replica sent meanwhile overtakes the ack that waits for the disk.
    link.replica_changed(REPORT)
    async with asyncio.timeout(60):
        first = await connection.heard.get()
    assert first.WhichOneof("body") == "replica_status"
    assert connection.heard.empty()
    node.gate.set()
    ack = await connection.next("ack")
    assert ack.applied.seq == 5
    assert (list(ack.unlisted_placements), list(ack.foreign_placements)) == (["unlisted"], ["foreign"])
    (update,) = node.updates
    assert update.full
    assert update.placements[0].workload.command == ("serve",)


async def test_a_slow_disk_is_no_dead_link(plane: FakeControlPlane, link: Link, node: ScriptedNode) -> None:
    connection = await plane.connection()
    node.gate.clear()
    connection.say(desired_state=snapshot(5))
    await _until(lambda: connection.heartbeats >= 12)  # 2.4 s, well over the echo deadline of 1.6 s
    node.gate.set()
    assert (await connection.next("ack")).applied.seq == 5
    assert plane.connections.empty()


async def test_a_full_disk_delays_desired_state_and_loses_none(
    plane: FakeControlPlane, link: Link, node: ScriptedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.link.session._PERSIST_RETRY_SECONDS", 0.01)
    connection = await plane.connection()
    node.failures = 2
    connection.say(desired_state=snapshot(5))
    connection.say(desired_state=delta(6, removed=("p1",)))
    assert (await connection.next("ack")).applied.seq == 5
    assert (await connection.next("ack")).applied.seq == 6


async def test_a_placement_that_cannot_be_read_leaves_the_others_alone(
    plane: FakeControlPlane, link: Link, node: ScriptedNode
) -> None:
    connection = await plane.connection()
    bad = pb.Placement(placement_id="bad", workload_json='{"no": "driver"}')
    connection.say(desired_state=snapshot(5, bad, placement_message(Workload("process"), "good")))
    await connection.next("ack")
    assert node.updates[0].unreadable == ("bad",)
    assert [p.placement_id for p in node.updates[0].placements] == ["good"]


async def test_without_an_echo_the_link_is_dropped_and_dialled_again(plane: FakeControlPlane, link: Link) -> None:
    plane.echo = False
    first = await plane.connection()
    second = await plane.connection()
    assert (first.epoch, second.epoch) == (1, 2)


async def test_a_lost_server_is_found_again(plane: FakeControlPlane, link: Link) -> None:
    await plane.connection()
    await _until(lambda: link.state.connected)
    port = plane.session_port
    await plane.stop()
    await _until(lambda: not link.state.connected)
    assert "LINK_LOST" in link.state.reason
    await plane.start(session_port=port)
    await plane.connection()


async def test_a_superseded_agent_says_why(plane: FakeControlPlane, link: Link) -> None:
    """When it comes back is told in test_backoff."""
    connection = await plane.connection()
    connection.say(goodbye=pb.Goodbye(reason="SUPERSEDED", message="another agent", retry_after_seconds=30))
    await _until(lambda: "SUPERSEDED: another agent" in link.state.reason)
    assert "copied" in link.state.reason
    assert not link.state.connected


async def test_a_goodbye_instead_of_a_welcome(plane: FakeControlPlane, node: ScriptedNode) -> None:
    plane.greeting = pb.Goodbye(reason="NOT_ENROLLED", message="unknown node")
    identity = plane.identity()
    loop = asyncio.get_running_loop()
    link = Link(lambda: identity, node, loop.time, loop.time, jitter=lambda: 0.0)
    running = asyncio.create_task(link.run())
    await _until(lambda: "NOT_ENROLLED" in link.state.reason)
    assert "join again" in link.state.reason
    assert node.welcomes == []
    running.cancel()


async def test_a_server_of_another_ca_is_not_talked_to(plane: FakeControlPlane, node: ScriptedNode) -> None:
    identity = replace(plane.identity(), ca=make_ca().pem)
    loop = asyncio.get_running_loop()
    link = Link(lambda: identity, node, loop.time, loop.time, jitter=lambda: 0.0)
    running = asyncio.create_task(link.run())
    await _until(lambda: "LINK_LOST" in link.state.reason)
    assert plane.connections.empty()
    running.cancel()


async def test_removals_and_gateways_arrive(plane: FakeControlPlane, link: Link, node: ScriptedNode) -> None:
    connection = await plane.connection()
    connection.say(gateways=pb.GatewayList(targets=[":8444", "other:8444"]))
    connection.say(
        confirm_removals=pb.ConfirmRemovals(
            version=pb.StoreSeq(store_id="store", seq=4), removed_placements=["a", "b"], deliberate=True
        )
    )
    await connection.next("ack")
    assert node.events == ["gateways :8444,other:8444", "confirmed a,b, deliberate True"]


async def test_a_question_that_cannot_be_answered_is_answered(plane: FakeControlPlane, link: Link) -> None:
    connection = await plane.connection()
    connection.say(question=pb.Question(question_id="q1", logs=pb.LogsQuestion(replica_id="gone")))
    answer = await connection.next("answer")
    assert (answer.question_id, answer.ok, answer.message) == ("q1", False, "no such replica")
    connection.say(question=pb.Question(question_id="q2"))
    answer = await connection.next("answer")
    assert "older than the control plane" in answer.message


class TestLogs:
    async def test_lines_are_pushed_as_they_come(self, plane: FakeControlPlane) -> None:
        more = asyncio.Event()

        async def lines(question: LogsQuestion) -> AsyncIterator[bytes]:
            yield f"{question.replica_id} {question.tail_lines} {question.follow}\n".encode()
            await more.wait()
            yield b"second\n"

        identity = plane.identity()
        pusher = LogPusher(lambda: identity, lines)
        assert pusher.begin(LogsQuestion("q", "r1", 5, True), identity.session_target) == ""
        async with asyncio.timeout(60):
            assert (await plane.log_chunks.get()).lines == b""
            assert (await plane.log_chunks.get()).lines == b"r1 5 True\n"
            more.set()
            chunk = await plane.log_chunks.get()
        assert (chunk.question_id, chunk.lines) == ("q", b"second\n")
        await pusher.close()

    async def test_a_cancelled_question_ends(self, plane: FakeControlPlane) -> None:
        ended = asyncio.Event()

        async def lines(*_: object) -> AsyncIterator[bytes]:
            try:
                yield b"x\n"
                await asyncio.Event().wait()
            finally:
                ended.set()

        identity = plane.identity()
        pusher = LogPusher(lambda: identity, lines)
        pusher.begin(LogsQuestion("q", "r1", 5, True), identity.session_target)
        async with asyncio.timeout(60):
            await plane.log_chunks.get()
            await plane.log_chunks.get()
            pusher.cancel("q")
            await ended.wait()
        await pusher.close()

    async def test_an_unknown_replica_is_said_at_once(self, plane: FakeControlPlane) -> None:
        def lines(*_: object) -> AsyncIterator[bytes]:
            raise LookupError("replica r9 is not on this node")

        pusher = LogPusher(plane.identity, lines)
        assert "not on this node" in pusher.begin(LogsQuestion("q", "r9", 5, True), "127.0.0.1:1")


class TestRenewal:
    def test_is_due_at_half_life(self) -> None:
        identity = Identity("n", "c", "p", "t:1", b"", b"", b"", 3600, "boot", 1000.0)
        assert renew_in(identity, "boot", 1000.0) == 1800
        assert renew_in(identity, "boot", 2500.0) == 300
        assert renew_in(identity, "boot", 9000.0) == 0

    def test_is_due_after_a_boot(self) -> None:
        identity = Identity("n", "c", "p", "t:1", b"", b"", b"", 3600, "boot", 1000.0)
        assert renew_in(identity, "another", 1001.0) == 0

    async def test_a_new_key_and_certificate_are_saved_and_used(self, plane: FakeControlPlane, tmp_path: Path) -> None:
        old = replace(plane.identity(), received_boot="an earlier boot")
        store = IdentityStore(tmp_path)
        renewer = Renewer(old, store, jitter=lambda: 0.0)
        running = asyncio.create_task(renewer.run())
        await _until(lambda: renewer.identity is not old)
        running.cancel()
        assert plane.renewals == 1
        assert renewer.identity.key != old.key
        assert store.load() == renewer.identity
        # The new pair fits: the control plane takes it.
        node = ScriptedNode()
        loop = asyncio.get_running_loop()
        link = Link(lambda: renewer.identity, node, loop.time, loop.time, jitter=lambda: 0.0)
        dialling = asyncio.create_task(link.run())
        await plane.connection()
        dialling.cancel()
        await asyncio.gather(dialling, running, return_exceptions=True)

    async def test_is_spread_by_a_tenth(self) -> None:
        identity = Identity("n", "c", "p", "t:1", b"", b"", b"", 3600, "boot", 1000.0)
        assert [round(renew_in(identity, "boot", 1000.0, jitter)) for jitter in (0.0, 0.5, 1.0)] == [1620, 1800, 1980]

    async def test_an_expired_certificate_is_recovered_with_its_key(
        self, plane: FakeControlPlane, tmp_path: Path
    ) -> None:
        """The server that refuses stands for the handshake that fails: the certificate says nothing to the agent."""
        plane.renew_error = (grpc.StatusCode.UNAVAILABLE, "handshake failed")
        expired = replace(plane.identity(), received_uptime=-1e6)
        renewer = Renewer(expired, IdentityStore(tmp_path), jitter=lambda: 0.0)
        running = asyncio.create_task(renewer.run())
        await _until(lambda: renewer.identity is not expired)
        running.cancel()
        (request,) = plane.recoveries
        certificate = x509.load_pem_x509_certificate(request.certificate_pem)
        assert holds_key(certificate, request.signature, b"homeport recover" + request.csr)
        await asyncio.gather(running, return_exceptions=True)

    async def test_the_control_plane_may_say_that_it_has_expired(self, plane: FakeControlPlane, tmp_path: Path) -> None:
        identity = plane.identity()
        renewed = asyncio.Event()
        renewer = Renewer(identity, IdentityStore(tmp_path), jitter=lambda: 0.0, renewed=renewed.set)
        node, loop = ScriptedNode(), asyncio.get_running_loop()
        link = Link(lambda: renewer.identity, node, loop.time, loop.time, jitter=lambda: 0.0, expired=renewer.expired)
        tasks = [asyncio.create_task(part.run()) for part in (link, renewer)]
        connection = await plane.connection()
        connection.say(goodbye=pb.Goodbye(reason="EXPIRED"))
        async with asyncio.timeout(60):
            await renewed.wait()
        await plane.connection()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def test_a_refusal_for_a_reason_is_no_cause_to_recover(self, plane: FakeControlPlane, tmp_path: Path) -> None:
        plane.renew_error = (grpc.StatusCode.PERMISSION_DENIED, "LOCKED: an administrator locked this node")
        booted = replace(plane.identity(), received_boot="an earlier boot")
        renewer = Renewer(booted, IdentityStore(tmp_path), jitter=lambda: 0.0)
        running = asyncio.create_task(renewer.run())
        await _until(lambda: plane.renewals == 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert plane.recoveries == []


async def test_a_new_certificate_moves_the_session_without_a_gap(
    plane: FakeControlPlane, link: Link, node: ScriptedNode
) -> None:
    old = await plane.connection()
    states: list[bool] = []
    link.redial()
    new = await plane.connection()
    states.append(link.state.connected)
    link.replica_changed(REPORT)
    await new.until_replica(lambda replica: replica.replica_id == "r1")
    await _until(lambda: link.epoch == new.epoch)
    assert (old.epoch, new.epoch, states) == (1, 2, [True])
    new.say(question=pb.Question(question_id="q", logs=pb.LogsQuestion(replica_id="nope")))
    await new.next("answer")


async def test_without_a_successor_the_session_stays(plane: FakeControlPlane, link: Link) -> None:
    connection = await plane.connection()
    plane.greeting = pb.Goodbye(reason="CLONE")
    link.redial()
    beats = connection.heartbeats
    await _until(lambda: connection.heartbeats >= beats + 3)
    assert link.state.connected


async def test_a_lock_may_ask_to_stop_the_models(plane: FakeControlPlane, link: Link, node: ScriptedNode) -> None:
    connection = await plane.connection()
    connection.say(goodbye=pb.Goodbye(reason="LOCKED", message="locked", stop_models=True))
    await _until(lambda: "LOCKED" in link.state.reason)
    await _until(lambda: node.events == ["models stopped"])


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - what is looked at belongs to the agent, and is no event
            await asyncio.sleep(0.01)
