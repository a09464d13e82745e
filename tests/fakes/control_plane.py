"""A control plane of a few lines: real ports, real TLS, and it says what the test tells it to say."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from homeport_proto.v1 import bulk_pb2, bulk_pb2_grpc, enrollment_pb2, enrollment_pb2_grpc, session_pb2_grpc
from homeport_proto.v1 import session_pb2 as pb

from agent.state.identity import Identity, received_now
from homeport.core import canonical
from homeport.core.policy import Policy, Scaling
from homeport.core.workload import Workload
from tests.fakes.certs import Ca, issue, make_ca, sign

SERVER_NAME = "homeport-control-plane"


class Connection:
    """One session as the server sees it. `heard` gets every message but heartbeats."""

    def __init__(self, hello: pb.Hello, epoch: int) -> None:
        self.hello = hello
        self.epoch = epoch
        self.heard: asyncio.Queue[pb.AgentMessage] = asyncio.Queue()
        self.heartbeats = 0
        self._outbox: asyncio.Queue[pb.ControlMessage | None] = asyncio.Queue()

    def say(self, **body: Any) -> None:
        self._outbox.put_nowait(pb.ControlMessage(**body))

    def hang_up(self) -> None:
        self._outbox.put_nowait(None)

    async def next(self, body: str) -> Any:
        """The next message of this kind; others before it are dropped."""
        async with asyncio.timeout(60):
            while True:
                message = await self.heard.get()
                if message.WhichOneof("body") == body:
                    return getattr(message, body)

    async def until_replica(self, holds: Callable[[pb.ReplicaState], bool]) -> pb.ReplicaState:
        """The first report of a replica that `holds`."""
        while True:
            status: pb.ReplicaStatus = await self.next("replica_status")
            for replica in status.replicas:
                if holds(replica):
                    return replica


class FakeControlPlane(
    session_pb2_grpc.SessionServicer, bulk_pb2_grpc.BulkServicer, enrollment_pb2_grpc.EnrollmentServicer
):
    def __init__(self, heartbeat_seconds: float = 0.5, ca: Ca | None = None) -> None:
        # Of the one host that it knows. Agents on one machine know their replicas by it.
        self.node_id = str(uuid.uuid4())
        self.ca = ca or make_ca()
        self.connections: asyncio.Queue[Connection] = asyncio.Queue()
        self.log_chunks: asyncio.Queue[bulk_pb2.LogChunk] = asyncio.Queue()
        self.enrolled: list[enrollment_pb2.EnrollRequest] = []
        self.renewals = 0
        self.renew_error: tuple[grpc.StatusCode, str] | None = None
        self.recoveries: list[enrollment_pb2.RecoverRequest] = []
        self.echo = True
        self.greeting: pb.Goodbye | None = None
        # Set to answer Enroll with an error.
        self.enroll_error: tuple[grpc.StatusCode, str] | None = None
        self.lose_enroll_replies = 0
        self.session_port = 0
        self.enroll_port = 0
        self._heartbeat_seconds = heartbeat_seconds
        self._epoch = 0
        self._servers: list[grpc.aio.Server] = []

    async def start(self, session_port: int = 0) -> "FakeControlPlane":
        key, certificate = issue(self.ca, san_dns=SERVER_NAME)
        mutual = grpc.ssl_server_credentials([(key, certificate)], self.ca.pem, require_client_auth=True)
        plain = grpc.ssl_server_credentials([(key, certificate)])
        sessions, enrollment = grpc.aio.server(), grpc.aio.server()
        session_pb2_grpc.add_SessionServicer_to_server(self, sessions)
        bulk_pb2_grpc.add_BulkServicer_to_server(self, sessions)
        enrollment_pb2_grpc.add_EnrollmentServicer_to_server(self, enrollment)
        self.session_port = sessions.add_secure_port(f"127.0.0.1:{session_port}", mutual)
        self.enroll_port = enrollment.add_secure_port("127.0.0.1:0", plain)
        self._servers = [sessions, enrollment]
        for server in self._servers:
            await server.start()
        return self

    async def stop(self) -> None:
        for server in self._servers:
            await server.stop(None)

    async def __aenter__(self) -> "FakeControlPlane":
        return await self.start()

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def connection(self) -> Connection:
        """The next session that an agent opens."""
        async with asyncio.timeout(60):
            return await self.connections.get()

    def identity(self, ttl_seconds: int = 86400) -> Identity:
        """One that this control plane accepts, without enrolment."""
        key, certificate = issue(self.ca, san_uri=f"homeport://node/{self.node_id}")
        return Identity(
            node_id=self.node_id,
            cluster_id="home",
            nodepool_id="default",
            session_target=f"127.0.0.1:{self.session_port}",
            key=key,
            certificate=certificate,
            ca=self.ca.pem,
            certificate_ttl_seconds=ttl_seconds,
            **received_now(),
            enroll_target=f"127.0.0.1:{self.enroll_port}",
        )

    def join_token(self, secret: str = "s3cret") -> str:
        return f"hp1.abc123.{secret}.{self.ca.pin}"

    # -- services

    async def Connect(self, request_iterator: Any, context: Any) -> AsyncIterator[pb.ControlMessage]:
        messages = aiter(request_iterator)
        first = await anext(messages)
        if self.greeting is not None:
            yield pb.ControlMessage(goodbye=self.greeting)
            return
        self._epoch += 1
        connection = Connection(first.hello, self._epoch)
        welcome = pb.Welcome(
            epoch=self._epoch, heartbeat_seconds=self._heartbeat_seconds, bulk_target=f":{self.session_port}"
        )
        yield pb.ControlMessage(welcome=welcome)
        listener = asyncio.create_task(self._listen(messages, connection))
        self.connections.put_nowait(connection)
        try:
            while (message := await connection._outbox.get()) is not None:
                yield message
        finally:
            listener.cancel()

    async def _listen(self, messages: AsyncIterator[pb.AgentMessage], connection: Connection) -> None:
        async for message in messages:
            if message.WhichOneof("body") == "heartbeat":
                connection.heartbeats += 1
                if self.echo:
                    connection.say(heartbeat_echo=pb.HeartbeatEcho())
            else:
                connection.heard.put_nowait(message)

    async def Renew(self, request: pb.RenewRequest, context: Any) -> pb.RenewResponse:
        self.renewals += 1
        if self.renew_error:
            await context.abort(*self.renew_error)
        return pb.RenewResponse(
            certificate_pem=self._sign(request.csr), ca_bundle_pem=self.ca.pem, certificate_ttl_seconds=86400
        )

    async def CertifyGateway(self, request: pb.CertifyGatewayRequest, context: Any) -> pb.CertifyGatewayResponse:
        raise NotImplementedError

    async def EnrollGateway(self, request: Any, context: Any) -> enrollment_pb2.EnrollGatewayResponse:
        raise NotImplementedError

    async def Recover(self, request: enrollment_pb2.RecoverRequest, context: Any) -> enrollment_pb2.RecoverResponse:
        self.recoveries.append(request)
        return enrollment_pb2.RecoverResponse(
            certificate_pem=self._sign(request.csr), ca_bundle_pem=self.ca.pem, certificate_ttl_seconds=86400
        )

    async def PushLogs(self, request_iterator: Any, context: Any) -> bulk_pb2.PushLogsResult:
        async for chunk in request_iterator:
            self.log_chunks.put_nowait(chunk)
        return bulk_pb2.PushLogsResult()

    async def Enroll(self, request: enrollment_pb2.EnrollRequest, context: Any) -> enrollment_pb2.EnrollResponse:
        self.enrolled.append(request)
        if self.enroll_error is not None:
            await context.abort(*self.enroll_error)
        if self.lose_enroll_replies:
            self.lose_enroll_replies -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "connection lost")
        return enrollment_pb2.EnrollResponse(
            node_id=self.node_id,
            certificate_pem=self._sign(request.csr),
            ca_bundle_pem=self.ca.pem,
            certificate_ttl_seconds=86400,
            session_target=f":{self.session_port}",
            cluster_id="home",
            nodepool_id="default",
        )

    def _sign(self, csr: bytes) -> bytes:
        key = x509.load_der_x509_csr(csr).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        return sign(self.ca, key, san_uri=f"homeport://node/{self.node_id}")


def placement_message(
    workload: Workload,
    placement_id: str = "p1",
    deployment_id: str = "chat",
    revision: int = 1,
    min_replicas: int = 1,
    max_replicas: int = 1,
    scaling: Scaling | None = None,
) -> pb.Placement:
    return pb.Placement(
        placement_id=placement_id,
        deployment_id=deployment_id,
        revision=revision,
        min_replicas=min_replicas,
        max_replicas=max_replicas,
        workload_json=canonical.dumps(workload),
        spec_hash=workload.spec_hash(),
        policy_json=canonical.dumps(Policy(scaling=scaling or Scaling())),
    )


def snapshot(seq: int, *placements: pb.Placement, store_id: str = "store") -> pb.DesiredState:
    return pb.DesiredState(version=pb.StoreSeq(store_id=store_id, seq=seq), full=True, placements=placements)


def delta(
    seq: int, *placements: pb.Placement, removed: tuple[str, ...] = (), store_id: str = "store"
) -> pb.DesiredState:
    version = pb.StoreSeq(store_id=store_id, seq=seq)
    return pb.DesiredState(version=version, placements=placements, removed_placements=removed)
