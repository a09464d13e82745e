"""A gateway on a host of its own and the control plane, over the wire between them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from homeport_proto.v1 import gateway_pb2, gateway_pb2_grpc

from controlplane.auth.ca import CertificateAuthority, KeyPair, open_ca, public_key_sha256
from controlplane.auth.gateway_tokens import GatewayTokens, redeem
from controlplane.auth.peer import gateway_shown_by, shown_by
from controlplane.gateway.fed_worker import FedWorker
from controlplane.gateway.feed import GatewayFeed
from controlplane.gateway.follower import FeedFollower
from controlplane.gateway.hosts import GatewayHosts
from controlplane.gateway.tellers import Say
from controlplane.gateway_host.certificates import HostCertificates
from controlplane.gateway_host.identity import HostIdentity, IdentityFiles, make_csr
from controlplane.gateway_host.link import FeedLink, dial_home
from controlplane.gateway_host.tables import HostTables
from controlplane.sessions.doorkeeper import Doorkeeper
from controlplane.sessions.gateway_service import GatewayFeedService
from controlplane.sessions.servicers import Servicers
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind
from homeport.core.errors import HomeportError
from homeport.core.issuing import IssuingBudget
from homeport.core.node_identity import Refusal
from homeport.http2.server import GrpcServer
from homeport.http2.tls import server_tls
from tests.fakes.gateway_certificates import FakeCertificates
from tests.fakes.node_ca import issue_to

PATIENCE = 60
LIFE = timedelta(days=30)


class Plane:
    """The control plane's end, on a port of its own."""

    def __init__(self, store: MemoryStore, ca: CertificateAuthority) -> None:
        self.store = store
        self.ca = ca
        self.feed = GatewayFeed(FakeCertificates(), KeyPair(b"the key of clients", b""))
        self.cut_off: asyncio.Queue[str] = asyncio.Queue()
        self.ended: list[str] = []
        self.heard: asyncio.Queue[tuple[str, str, Any]] = asyncio.Queue()
        for key in ("used", "lease_report", "listening", "nodes"):
            self.feed.hearers[key] = self._hearer(key)
        self.feed.on_gone.append(lambda worker: self.ended.append(worker.id))
        self.hosts = GatewayHosts(store, self.feed, lambda worker: self.cut_off.put_nowait(worker.id), lambda: 1000.0)
        self.targets: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()
        self.hosts.tell_targets(self.targets.put_nowait)
        self.target = ""

    def _hearer(self, key: str) -> Callable[[FedWorker, Any], None]:
        def hear(worker: FedWorker, value: Any) -> None:
            self.heard.put_nowait((worker.id, key, value))
            worker.send({"lease_grant": {"for": value}})

        return hear

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Plane"]:
        pair = self.ca.issue_server(datetime.now(UTC))
        servicers = Servicers()
        service = GatewayFeedService(self.hosts, self.ca, IssuingBudget())
        servicers.add(gateway_pb2_grpc.add_GatewayFeedServicer_to_server, service)
        server = GrpcServer(servicers.methods)
        port = await server.start("127.0.0.1", 0, server_tls(pair.key, pair.certificate, self.ca.bundle))
        self.target = f"127.0.0.1:{port}"
        following = asyncio.create_task(self.hosts.follow_store())
        try:
            yield self
        finally:
            following.cancel()
            await server.close()

    async def join(self, files: IdentityFiles, name: str = "edge") -> HostIdentity:
        key = files.key()
        token, _ = await self.store.write(lambda tx: GatewayTokens("pin").create(tx, name, 300))
        await self.store.write(lambda tx: redeem(tx, token, public_key_sha256(make_csr(key)), "host-1"))
        certificate = self.ca.issue_gateway_host(name, make_csr(key), LIFE, datetime.now(UTC))
        texts = key.decode(), certificate.decode(), self.ca.bundle.decode()
        return HostIdentity(name, self.target, "", *texts, datetime.now(UTC).timestamp(), LIFE.total_seconds())

    async def until_targets(self, wanted: tuple[str, ...]) -> None:
        async with asyncio.timeout(PATIENCE):
            while await self.targets.get() != wanted:
                pass


class Host:
    """The other end, with tables of its own."""

    def __init__(self, identity: HostIdentity, folder: Path) -> None:
        self.feed = GatewayFeed(FakeCertificates())
        self.tables = HostTables(self.feed, folder / "gateway-tables")
        self.told: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.saying: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self.link = FeedLink(lambda: identity, lambda: HELLO)
        self.follower = FeedFollower(self.link.connect, self.tables, self._complete)
        for key in ("size", "time", "worker", "client_tls", "tls", "workers"):
            self.follower.learners[key] = self._learner(key)
        self.follower.learners["goodbye"] = self.link.told_goodbye
        self.follower.tellers.append(self._tell)

    async def run(self) -> None:
        await self.follower.run()

    async def until(self, wanted: tuple[str, Any]) -> list[str]:
        """The keys of what was told before that."""
        keys: list[str] = []
        async with asyncio.timeout(PATIENCE):
            while (told := await self.told.get()) != wanted:
                keys.append(told[0])
        return keys

    def _learner(self, key: str) -> Callable[[Any], None]:
        return lambda value: self.told.put_nowait((key, value))

    async def _complete(self, say: Say) -> None:
        self.told.put_nowait(("complete", True))

    async def _tell(self, say: Say) -> None:
        while True:
            await say(await self.saying.get())


HELLO: Mapping[str, Any] = {
    "release": ["1.2.0", "/opt"],
    "host": "host-1",
    "tunnels": ["edge.example:8444"],
    "url": "https://edge.example:8000",
    "workers": None,
    "time": 1070.0,
    "of a newer release": True,
}


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Plane]:
    store = MemoryStore()
    await store.open()
    async with Plane(store, open_ca(tmp_path)).serving() as plane:
        yield plane
    await store.close()


@asynccontextmanager
async def connected(plane: Plane, folder: Path, name: str = "edge") -> AsyncIterator[Host]:
    host = Host(await plane.join(IdentityFiles(folder), name), folder)
    running = asyncio.create_task(host.run())
    try:
        await host.until(("complete", True))
        yield host
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_it_is_told_the_tables_and_its_size_and_nothing_of_other_gateways(plane: Plane, tmp_path: Path) -> None:
    plane.feed.put("tokens", "abc", {"hash": "x"})
    async with connected(plane, tmp_path) as host:
        assert host.feed.tables.tokens == {"abc": {"hash": "x"}}
        plane.feed.put_client_pair(KeyPair(b"another key", b""))
        plane.feed.tell_all({"workers": ["gateway-0"]})
        plane.feed.put("tokens", "abc", None)
        plane.feed.put("epochs", "node-1", 3)
        await plane.store.write(lambda tx: _resize(tx, 3))
        keys = await host.until(("size", 3))
        assert set(keys) <= {"size", "time"}
        assert (host.feed.tables.tokens, host.feed.tables.epochs) == ({}, {"node-1": 3})


def _resize(tx: Any, workers: int) -> None:
    tx.put_spec(Kind.GATEWAY, "edge", {**tx.get(Kind.GATEWAY, "edge").spec, "workers": workers})


async def test_agents_are_told_where_it_is_also_while_it_is_away(plane: Plane, tmp_path: Path) -> None:
    async with connected(plane, tmp_path):
        await plane.until_targets(("edge.example:8444",))
        facts = plane.hosts.facts("edge")
        assert (facts.connected_since, facts.version, facts.clock_ahead_seconds) == (1000.0, "1.2.0", 70.0)
    plane.hosts.tell_targets(plane.targets.put_nowait)
    await plane.until_targets(("edge.example:8444",))
    await plane.store.write(lambda tx: tx.delete(Kind.GATEWAY, "edge"))
    await plane.until_targets(())


async def test_its_workers_are_heard_and_answered_each_for_itself(plane: Plane, tmp_path: Path) -> None:
    async with connected(plane, tmp_path) as host:
        host.saying.put_nowait({"worker": ["edge-0", {"lease_report": 1, "listening": {}, "nodes": [[], []]}]})
        host.saying.put_nowait({"worker": ["edge-1", {"used": 2}]})
        async with asyncio.timeout(PATIENCE):
            assert await plane.heard.get() == ("edge-0", "lease_report", 1)
            # What concerns its own host alone is passed over.
            assert await plane.heard.get() == ("edge-1", "used", 2)
        await host.until(("worker", ["edge-0", {"lease_grant": {"for": 1}}]))
        host.saying.put_nowait({"ended": "edge-0"})
        host.saying.put_nowait({"worker": ["edge-1", {"used": 3}]})
        async with asyncio.timeout(PATIENCE):
            assert await plane.heard.get() == ("edge-1", "used", 3)
        assert plane.ended == ["edge-0"]
        assert {worker.id for worker in plane.hosts.workers()} == {"edge-1"}
    assert await asyncio.wait_for(plane.cut_off.get(), PATIENCE) == "edge-1"
    assert plane.ended == ["edge-0"], "one that is cut off goes on"


async def test_it_speaks_for_no_other_gateway(plane: Plane, tmp_path: Path) -> None:
    async with connected(plane, tmp_path) as host:
        host.saying.put_nowait({"worker": ["gateway-0", {"used": 1}]})
        # The connection ends for that; the next one is sound.
        await host.until(("complete", True))
        host.saying.put_nowait({"worker": ["edge-0", {"used": 2}]})
        async with asyncio.timeout(PATIENCE):
            assert await plane.heard.get() == ("edge-0", "used", 2)


async def test_one_that_is_removed_is_turned_away_and_stays_so(plane: Plane, tmp_path: Path) -> None:
    identity = await plane.join(IdentityFiles(tmp_path))
    host = Host(identity, tmp_path)
    running = asyncio.create_task(host.run())
    await host.until(("complete", True))
    await plane.store.write(lambda tx: tx.delete(Kind.GATEWAY, "edge"))
    with pytest.raises(HomeportError, match="gateway edge is turned away"):
        await asyncio.wait_for(running, PATIENCE)
    with pytest.raises(HomeportError, match="turned away"):
        await asyncio.wait_for(Host(identity, tmp_path).run(), PATIENCE)
    certificates = HostCertificates(IdentityFiles(tmp_path), identity, ())
    certificates.need(1)
    with pytest.raises(HomeportError, match="REMOVED"):
        await certificates.ensure()


async def test_a_node_is_no_gateway_and_a_gateway_on_a_host_is_no_node(plane: Plane, tmp_path: Path) -> None:
    held = issue_to(plane.ca, "edge")
    credentials = grpc.ssl_channel_credentials(plane.ca.bundle, held.key, held.certificate)
    options = [("grpc.ssl_target_name_override", "homeport-control-plane")]
    async with grpc.aio.secure_channel(plane.target, credentials, options) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await gateway_pb2_grpc.GatewayFeedStub(channel).Certify(gateway_pb2.CertifyHostRequest(), timeout=PATIENCE)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_gateways_certificate_opens_no_session(plane: Plane, tmp_path: Path) -> None:
    files = IdentityFiles(tmp_path)
    certificates = HostCertificates(files, await plane.join(files), ())
    certificates.need(1)
    await certificates.ensure_some(1)
    shown = {"x509_pem_cert": [certificates.identity.certificate.encode()]}
    assert gateway_shown_by(shown) is not None
    assert Doorkeeper(plane.store, lambda: 0.0).refusal(shown_by(shown)) is Refusal.NOT_ENROLLED
    # Nor does what its workers show to agents open anything here.
    workers = {"x509_pem_cert": [certificates.pair("edge-0").certificate]}
    assert (shown_by(workers), gateway_shown_by(workers)) == (None, None)


async def test_each_worker_gets_a_certificate_for_a_key_that_stays(plane: Plane, tmp_path: Path) -> None:
    files = IdentityFiles(tmp_path)
    files.save(await plane.join(files))
    identity = files.load()
    assert identity is not None
    certificates = HostCertificates(files, identity, ())
    newer: list[str] = []
    certificates.on_change = lambda worker_id, _: newer.append(worker_id)
    certificates.need(2)
    with pytest.raises(OSError, match="no certificate for edge-0 yet"):
        certificates.pair("edge-0")
    await certificates.ensure()
    assert newer == [f"edge-{number}" for number in range(6)]
    assert certificates.pair("edge-5").key == files.key()
    assert files.load() == certificates.identity
    assert not certificates.identity.is_due(6, (), certificates.identity.issued_at + LIFE.total_seconds() / 2 - 1)
    assert certificates.identity.is_due(6, (), certificates.identity.issued_at + LIFE.total_seconds() / 2)
    async with dial_home(certificates.identity):
        pass
