"""Copies of hosts, told by their hardware and by how much they remember; and what a person can do about one."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from homeport_proto.v1 import session_pb2 as pb

from agent.link.csr import make_csr, make_key
from controlplane.auth.ca import open_ca
from controlplane.fleet.node_approval import approve_node, reject_node
from controlplane.fleet.node_quarantine import quarantine_of
from controlplane.sessions.desired_state import DesiredStates
from controlplane.sessions.logs import LogBroker
from controlplane.sessions.registry import NodeRegistry
from controlplane.sessions.session_service import SessionService, SessionTerms
from controlplane.sessions.sessions import Sessions
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Record
from homeport.core.errors import ErrorCode, HomeportError
from tests.fakes.clock import FakeClock
from tests.fakes.node_ca import AbortedError, FakeContext, Held, issue_to
from tests.fakes.session_stream import SessionStream

LIFE = timedelta(hours=24)
NODE = "n1"
HERE = pb.Hardware(machine_id="m1", product_uuid="b1", addresses=["02:fc:00:00:00:01"])
ELSEWHERE = pb.Hardware(machine_id="m2", product_uuid="b2", addresses=["02:fc:00:00:00:02"])


class Site:
    """One node, and a control plane that may be started anew."""

    def __init__(self, store: MemoryStore, folder: Path) -> None:
        self.store = store
        self.ca = open_ca(folder)
        self.held = issue_to(self.ca, NODE)
        self._following: asyncio.Task[None] | None = None

    async def restart(self) -> None:
        await self.stop()
        desired = DesiredStates(self.store)
        sessions = Sessions(self.store, desired)
        logs = LogBroker(sessions.ask)
        terms = SessionTerms("0.1.0", 1.0, (), "", LIFE)
        registry = NodeRegistry(FakeClock())
        self.service = SessionService(self.store, registry, sessions, desired, logs, self.ca, terms)
        self._following = asyncio.create_task(sessions.follow_store())
        await asyncio.sleep(0)

    async def stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])

    def stream(self, held: Held | None = None) -> SessionStream:
        return SessionStream(self.service, "", (held or self.held).certificate)

    async def session(self, *, kept: bool = True, **hello: object) -> int:
        """Its epoch. With `kept` the agent says that it has that on its disk."""
        async with self.stream() as stream:
            await stream.hello(**{"hardware": HERE, **hello})
            if kept:
                stream.send(pb.AgentMessage(heartbeat=pb.Heartbeat(epoch_kept=stream.epoch)))
                await stream.expect("heartbeat_echo")
                await self.service.kept_epochs.write()
            return stream.epoch

    async def ending(self, held: Held | None = None, **hello: object) -> str:
        async with self.stream(held) as stream:
            stream.send(pb.AgentMessage(hello=pb.Hello(**{"hardware": HERE, **hello})))  # type: ignore[arg-type]
            return (await stream.expect("goodbye")).goodbye.reason

    async def renew(self, **request: object) -> Held:
        key = make_key()
        wanted = pb.RenewRequest(csr=make_csr(key), **{"hardware": HERE, **request})  # type: ignore[arg-type]
        answer = await self.service.Renew(wanted, FakeContext(self.held.certificate))
        return Held(key, answer.certificate_pem)

    @property
    def node(self) -> Record:
        node = self.store.get(Kind.NODE, NODE)
        assert node is not None
        return node

    @property
    def quarantined(self) -> str | None:
        quarantine = quarantine_of(self.node)
        return quarantine.why if quarantine else None


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    store = MemoryStore()
    await store.open()
    spec = {"name": "rack7", "cluster": "home", "nodepool": "default"}
    await store.write(lambda tx: tx.create(Kind.NODE, NODE, spec, {"epoch": 0}))
    site = Site(store, tmp_path)
    await site.restart()
    yield site
    await site.stop()


class TestSnapshots:
    async def test_a_state_that_was_set_back_is_turned_away(self, site: Site) -> None:
        first = await site.session()
        second = await site.session(epoch_seen=first)
        assert await site.ending(epoch_seen=first) == "CLONE"
        assert site.quarantined == "snapshot"
        assert await site.session(epoch_seen=second) > second

    async def test_a_restart_of_the_control_plane_forgets_nothing(self, site: Site) -> None:
        first = await site.session()
        await site.session(epoch_seen=first)
        await site.restart()
        assert await site.ending(epoch_seen=first) == "CLONE"
        await site.restart()
        assert site.quarantined == "snapshot"

    async def test_an_agent_that_died_before_it_wrote_is_no_snapshot(self, site: Site) -> None:
        first = await site.session()
        for _ in range(3):
            await site.session(epoch_seen=first, kept=False)
        assert await site.session(epoch_seen=first) > first
        assert site.quarantined is None

    async def test_nor_is_one_whose_state_was_lost(self, site: Site) -> None:
        await site.session()
        await site.session(epoch_seen=0)
        assert site.quarantined is None

    async def test_nor_is_one_that_knows_more_than_a_restored_store(self, site: Site) -> None:
        await site.session()
        assert await site.session(epoch_seen=1000) == 1001
        assert site.quarantined is None

    async def test_what_an_agent_claims_to_have_kept_beyond_its_session_counts_for_nothing(self, site: Site) -> None:
        async with site.stream() as stream:
            await stream.hello(hardware=HERE)
            stream.send(pb.AgentMessage(heartbeat=pb.Heartbeat(epoch_kept=1 << 40)))
            await stream.expect("heartbeat_echo")
            await site.service.kept_epochs.write()
        assert await site.session(epoch_seen=stream.epoch) == stream.epoch + 1


class TestHardware:
    async def test_the_same_identity_on_another_host_is_turned_away(self, site: Site) -> None:
        epoch = await site.session()
        assert await site.ending(epoch_seen=epoch, hardware=ELSEWHERE) == "CLONE"
        assert site.quarantined == "hardware"
        assert await site.session(epoch_seen=epoch) > epoch

    async def test_more_disks_and_memory_are_no_other_host(self, site: Site) -> None:
        await site.session(inventory=pb.Inventory(memory_bytes=1, disk_bytes=1))
        await site.session(inventory=pb.Inventory(memory_bytes=2, disk_bytes=3))
        assert site.quarantined is None

    async def test_an_agent_that_does_not_say_is_let_in_and_forgets_nothing(self, site: Site) -> None:
        await site.session()
        await site.session(hardware=pb.Hardware())
        assert await site.ending(hardware=ELSEWHERE) == "CLONE"

    async def test_a_copy_gets_no_certificate(self, site: Site) -> None:
        epoch = await site.session()
        with pytest.raises(AbortedError, match="CLONE"):
            await site.renew(epoch_seen=epoch, hardware=ELSEWHERE)
        site.held = await site.renew(epoch_seen=epoch)
        await site.session(epoch_seen=epoch)

    async def test_nor_does_one_beside_a_session_that_lives(self, site: Site) -> None:
        async with site.stream() as stream:
            await stream.hello(process_id="A", hardware=HERE)
            asking = asyncio.create_task(site.renew(process_id="B"))
            while not asking.done():
                stream.send(pb.AgentMessage(heartbeat=pb.Heartbeat()))
                await stream.expect("heartbeat_echo")
                await asyncio.sleep(0.05)
            with pytest.raises(AbortedError, match="CLONE"):
                asking.result()
            await site.renew(process_id="A")
        assert site.quarantined == "rival"


class TestAPersonsWord:
    async def test_approved_the_other_host_is_the_node(self, site: Site) -> None:
        epoch = await site.session()
        async with site.stream() as original:
            await original.hello(hardware=HERE)
            await site.ending(epoch_seen=epoch, hardware=ELSEWHERE)
            await site.store.write(lambda tx: approve_node(tx, NODE))
            assert (await original.expect("goodbye")).goodbye.reason == "CLONE"
        assert site.quarantined is None
        await site.session(epoch_seen=epoch, hardware=ELSEWHERE)
        assert await site.ending(hardware=HERE) == "CLONE"

    async def test_approved_an_older_state_goes_on_with_its_older_certificate(self, site: Site) -> None:
        older, epoch = site.held, await site.session()
        site.held = await site.renew()
        await site.session(epoch_seen=epoch)
        assert await site.ending(older, epoch_seen=epoch) == "CLONE"
        assert site.quarantined == "certificate"
        await site.store.write(lambda tx: approve_node(tx, NODE))
        site.held = older
        await site.session(epoch_seen=epoch)

    async def test_rejected_it_stays_out_and_is_news_again_when_it_comes_again(self, site: Site) -> None:
        await site.session()
        await site.ending(hardware=ELSEWHERE)
        assert not await site.store.write(lambda tx: reject_node(tx, NODE))
        assert site.quarantined is None
        assert await site.ending(hardware=ELSEWHERE) == "CLONE"
        assert site.quarantined == "hardware"

    async def test_a_copy_that_tries_again_and_again_is_written_down_once(self, site: Site) -> None:
        await site.session()
        await site.ending(hardware=ELSEWHERE)
        seq = site.store.seq
        for _ in range(5):
            await site.ending(hardware=ELSEWHERE)
        assert site.store.seq == seq

    async def test_without_anybody_waiting_there_is_nothing_to_say(self, site: Site) -> None:
        for say in (approve_node, reject_node):
            with pytest.raises(HomeportError) as refused:
                await site.store.write(lambda tx, say=say: say(tx, NODE))  # type: ignore[misc]
            assert refused.value.code is ErrorCode.CONFLICT
