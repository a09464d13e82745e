"""Five hundred tries to get in with what must not open anything, at each of the four doors that agents dial."""

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from homeport_proto.v1 import (
    bulk_pb2,
    bulk_pb2_grpc,
    enrollment_pb2,
    enrollment_pb2_grpc,
    session_pb2,
    session_pb2_grpc,
)

from agent.link.csr import make_csr, make_key, sign_recovery
from controlplane.auth.ca import CertificateAuthority, open_ca
from controlplane.auth.credentials import enrollment_credentials
from controlplane.fleet.node_access import access_of
from controlplane.fleet.node_lock import lock_node
from controlplane.sessions.bulk_service import BulkService
from controlplane.sessions.desired_state import DesiredStates
from controlplane.sessions.enrollment_service import EnrollmentService
from controlplane.sessions.logs import LogBroker
from controlplane.sessions.registry import NodeRegistry
from controlplane.sessions.servicers import Servicers
from controlplane.sessions.session_service import SessionService, SessionTerms
from controlplane.sessions.sessions import Sessions
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Transaction
from homeport.core import canonical
from homeport.core.node_identity import Certificates, Serial
from homeport.gateway.tables import GatewayTables
from homeport.grpc_dialer import open_channel
from homeport.grpc_listener import bind
from homeport.http2.server import GrpcServer
from homeport.http2.tls import client_tls, server_tls
from homeport.tunnel.client import attach
from homeport.tunnel.errors import AttachError
from homeport.tunnel.server import TunnelServer
from tests.fakes.clock import FakeClock
from tests.fakes.hostile_certificates import Target, hostile
from tests.fakes.node_ca import Held, issue_to

LIFE = timedelta(hours=24)
TRIES = 500
NODES = tuple(f"{number}0000000-aaaa-bbbb-cccc-000000000000" for number in range(1, 5))
_REFUSED = (grpc.RpcError, OSError, ssl.SSLError, AttachError, TimeoutError)


@dataclass
class Doors:
    """Ports as the control plane opens them."""

    ca: CertificateAuthority
    target: Target
    session: str
    enrollment: str
    tunnel: str

    async def by_session(self, held: Held | None) -> bool:
        async with open_channel(self.session, self._credentials(held)) as channel:
            call = session_pb2_grpc.SessionStub(channel).Connect(timeout=20)
            await call.write(session_pb2.AgentMessage(hello=session_pb2.Hello()))
            answer = await call.read()
            return isinstance(answer, session_pb2.ControlMessage) and answer.WhichOneof("body") == "welcome"

    async def by_bulk(self, held: Held | None) -> bool:
        async with open_channel(self.session, self._credentials(held)) as channel:
            await bulk_pb2_grpc.BulkStub(channel).PushLogs(iter([bulk_pb2.LogChunk(question_id="q")]), timeout=20)
            return True

    async def by_tunnel(self, held: Held | None) -> bool:
        if held is None:
            tls = ssl.create_default_context(cadata=self.ca.bundle.decode())
            tls.set_alpn_protocols(["h2"])
        else:
            tls = client_tls(held.key, held.certificate, self.ca.bundle)
        async with asyncio.timeout(20):
            (await attach(self.tunnel, tls, 1)).hang_up()
        return True

    async def by_recovery(self, held: Held | None) -> bool:
        """Who has the key of an expired certificate may recover; a thief has the certificate alone."""
        csr, thief = make_csr(make_key()), make_key()
        request = enrollment_pb2.RecoverRequest(
            certificate_pem=held.certificate if held else b"", csr=csr, signature=sign_recovery(thief, csr)
        )
        async with open_channel(self.enrollment, grpc.ssl_channel_credentials(self.ca.bundle)) as channel:
            await enrollment_pb2_grpc.EnrollmentStub(channel).Recover(request, timeout=20)
            return True

    def _credentials(self, held: Held | None) -> grpc.ChannelCredentials:
        if held is None:
            return grpc.ssl_channel_credentials(self.ca.bundle)
        return grpc.ssl_channel_credentials(self.ca.bundle, held.key, held.certificate)


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    ca = open_ca(tmp_path)
    victim, locked, deleted, other = NODES
    first, second = (issue_to(ca, victim, datetime.now(UTC) - timedelta(minutes=minutes), LIFE) for minutes in (60, 30))
    target = Target(ca, victim, first, issue_to(ca, locked), issue_to(ca, deleted), issue_to(ca, other))
    store = MemoryStore()
    await store.open()

    def seed(tx: Transaction) -> None:
        for node_id in (victim, locked, other):
            tx.create(Kind.NODE, node_id, {"name": node_id, "cluster": "home", "nodepool": "default"}, {"epoch": 0})
        lock_node(tx, locked, "stolen", stop_models=False)
        current = Certificates(_serial(second), None, _serial(first).number)
        tx.put_status(Kind.NODE, victim, {"epoch": 0, "certificates": canonical.to_plain(current)})

    await store.write(seed)
    registry, desired = NodeRegistry(FakeClock()), DesiredStates(store)
    sessions = Sessions(store, desired)
    logs, tables = LogBroker(sessions.ask), GatewayTables()
    for node in store.all(Kind.NODE):
        tables.put("nodes", node.id, canonical.to_plain(access_of(node)))
        tables.put("epochs", node.id, 1)
    pair = ca.issue_server(datetime.now(UTC))
    tls = server_tls(pair.key, pair.certificate, ca.bundle)
    enroll_server, enroll_port = bind("127.0.0.1:0", "--enroll-port", enrollment_credentials(pair))
    terms = SessionTerms("0.1.0", 2.0, (), "", LIFE)
    service = SessionService(store, registry, sessions, desired, logs, ca, terms)
    servicers = Servicers()
    servicers.add(session_pb2_grpc.add_SessionServicer_to_server, service)
    servicers.add(bulk_pb2_grpc.add_BulkServicer_to_server, BulkService(sessions.doorkeeper, logs))
    session_server = GrpcServer(servicers.methods)
    session_port = await session_server.start("127.0.0.1", 0, tls)
    enrollment_pb2_grpc.add_EnrollmentServicer_to_server(EnrollmentService(store, ca, "", LIFE), enroll_server)
    tunnels = TunnelServer(tables)
    gateway = ca.issue_gateway("gateway-0", LIFE, datetime.now(UTC))
    tunnel_port = await tunnels.start("127.0.0.1:0", server_tls(gateway.key, gateway.certificate, ca.bundle))
    await enroll_server.start()
    ports = (f"127.0.0.1:{port}" for port in (session_port, enroll_port, tunnel_port))
    yield Doors(ca, target, *ports)
    await tunnels.close(0)
    await session_server.close()
    await enroll_server.stop(None)


@pytest.mark.system
async def test_nobody_gets_in(doors: Doors) -> None:
    ways: tuple[Callable[[Held | None], Awaitable[bool]], ...] = (
        doors.by_session,
        doors.by_bulk,
        doors.by_tunnel,
        doors.by_recovery,
    )
    tries = itertools.islice(itertools.cycle(itertools.product(hostile().items(), ways)), TRIES)
    got_in: list[str] = []
    count = 0
    for (what, make), way in tries:
        count += 1
        if await _gets_in(way, make(doors.target)):
            got_in.append(f"{what}, {way.__name__}")
    assert got_in == []
    assert count == TRIES
    # The doors are no walls: a sound certificate opens them.
    for way in ways[:3]:
        assert await _gets_in(way, doors.target.in_use), way.__name__


async def _gets_in(way: Callable[[Held | None], Awaitable[bool]], held: Held | None) -> bool:
    try:
        return await way(held)
    except _REFUSED:
        return False


def _serial(held: Held) -> Serial:
    certificate = x509.load_pem_x509_certificate(held.certificate)
    return Serial(f"{certificate.serial_number:x}", certificate.not_valid_before_utc.timestamp())
