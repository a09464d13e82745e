"""One servicer behind gRPC's own server and behind ours: gRPC's client must not be able to tell which."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from homeport_proto.v1 import bulk_pb2, bulk_pb2_grpc, session_pb2_grpc
from homeport_proto.v1 import session_pb2 as pb

from controlplane.auth.peer import shown_by
from controlplane.sessions.servicers import Servicers
from homeport.http2.server import GrpcServer
from tests.fakes.certs import authority

_NAME = (("grpc.ssl_target_name_override", "homeport-control-plane"),)
_PATIENCE_SECONDS = 60


class Echo(session_pb2_grpc.SessionServicer, bulk_pb2_grpc.BulkServicer):
    """Connect says back the epochs that it hears as reasons; what a question or a CSR says decides on the others."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.may_read = asyncio.Event()
        self.may_read.set()

    async def Connect(self, request_iterator: Any, context: Any) -> None:  # type: ignore[override]
        try:
            async for message in request_iterator:
                if message.epoch == 999:
                    raise ValueError("as a bug would")
                await context.write(pb.ControlMessage(goodbye=pb.Goodbye(reason=str(message.epoch))))
                if message.epoch == 7:
                    return
        finally:
            self.ended.set()

    async def Renew(self, request: pb.RenewRequest, context: Any) -> pb.RenewResponse:
        if request.csr == b"no":
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "LOCKED: not today, “sure” 100 %")
        shown = shown_by(context.auth_context())
        return pb.RenewResponse(certificate_pem=shown.node_id.encode() if shown else b"", certificate_ttl_seconds=5)

    async def CertifyGateway(self, request: pb.CertifyGatewayRequest, context: Any) -> pb.CertifyGatewayResponse:
        raise NotImplementedError

    async def PushLogs(self, request_iterator: Any, context: Any) -> bulk_pb2.PushLogsResult:
        size = 0
        async for chunk in request_iterator:
            await self.may_read.wait()
            if chunk.problem:
                await context.abort(grpc.StatusCode.UNAVAILABLE, chunk.problem)
            size += len(chunk.lines)
            if chunk.question_id == "enough":
                break
        assert context.peer().startswith("ipv4:127.0.0.1:")
        self.size = size
        return bulk_pb2.PushLogsResult()


class Site:
    def __init__(self, echo: Echo, port: int) -> None:
        self.echo = echo
        self._port = port

    def channel(self) -> grpc.aio.Channel:
        credentials = authority().node_credentials("node-77")
        return grpc.aio.secure_channel(f"127.0.0.1:{self._port}", credentials, options=_NAME)


@pytest.fixture(params=["grpc.aio", "homeport.http2"])
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    echo = Echo()
    if request.param == "grpc.aio":
        server = grpc.aio.server()
        session_pb2_grpc.add_SessionServicer_to_server(echo, server)
        bulk_pb2_grpc.add_BulkServicer_to_server(echo, server)
        port = server.add_secure_port("127.0.0.1:0", authority().server_credentials())
        await server.start()
        yield Site(echo, port)
        await server.stop(None)
        return
    servicers = Servicers()
    servicers.add(session_pb2_grpc.add_SessionServicer_to_server, echo)
    servicers.add(bulk_pb2_grpc.add_BulkServicer_to_server, echo)
    ours = GrpcServer(servicers.methods)
    yield Site(echo, await ours.start("127.0.0.1", 0, authority().server_tls()))
    await ours.close()


async def test_a_conversation(site: Site) -> None:
    async with site.channel() as channel, asyncio.timeout(_PATIENCE_SECONDS):
        call = session_pb2_grpc.SessionStub(channel).Connect()
        for epoch in range(10, 310):
            await call.write(pb.AgentMessage(epoch=epoch))
            answer = await call.read()
            assert isinstance(answer, pb.ControlMessage)
            assert answer.goodbye.reason == str(epoch)
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await call.code() is grpc.StatusCode.OK
        await site.echo.ended.wait()


async def test_the_servicer_ends_it_after_its_last_word(site: Site) -> None:
    async with site.channel() as channel, asyncio.timeout(_PATIENCE_SECONDS):
        call = session_pb2_grpc.SessionStub(channel).Connect()
        await call.write(pb.AgentMessage(epoch=7))
        answer = await call.read()
        assert isinstance(answer, pb.ControlMessage)
        assert answer.goodbye.reason == "7"
        assert await call.read() is grpc.aio.EOF
        assert await call.code() is grpc.StatusCode.OK


async def test_more_than_the_client_reads_at_once(site: Site) -> None:
    async with site.channel() as channel, asyncio.timeout(_PATIENCE_SECONDS):
        call = session_pb2_grpc.SessionStub(channel).Connect()
        for epoch in range(1000, 3000):
            await call.write(pb.AgentMessage(epoch=epoch))
        for epoch in range(1000, 3000):
            answer = await call.read()
            assert isinstance(answer, pb.ControlMessage)
            assert answer.goodbye.reason == str(epoch)
        call.cancel()
        await site.echo.ended.wait()


async def test_a_servicer_hears_that_the_client_has_left(site: Site) -> None:
    async with site.channel() as channel, asyncio.timeout(_PATIENCE_SECONDS):
        call = session_pb2_grpc.SessionStub(channel).Connect()
        await call.write(pb.AgentMessage(epoch=10))
        await call.read()
        call.cancel()
        await site.echo.ended.wait()


async def test_a_bug_is_unknown(site: Site) -> None:
    async with site.channel() as channel, asyncio.timeout(_PATIENCE_SECONDS):
        call = session_pb2_grpc.SessionStub(channel).Connect()
        await call.write(pb.AgentMessage(epoch=999))
        assert await call.code() is grpc.StatusCode.UNKNOWN


async def test_a_question_and_its_answer(site: Site) -> None:
    async with site.channel() as channel:
        stub = session_pb2_grpc.SessionStub(channel)
        answer = await stub.Renew(pb.RenewRequest(csr=b"yes"), timeout=_PATIENCE_SECONDS)
        assert (answer.certificate_pem, answer.certificate_ttl_seconds) == (b"node-77", 5)


async def test_a_refusal_has_its_code_and_says_why(site: Site) -> None:
    async with site.channel() as channel:
        stub = session_pb2_grpc.SessionStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Renew(pb.RenewRequest(csr=b"no"), timeout=_PATIENCE_SECONDS)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert refused.value.details() == "LOCKED: not today, “sure” 100 %"


async def test_what_is_pushed_arrives_and_is_answered_at_its_end(site: Site) -> None:
    chunks = [bulk_pb2.LogChunk(question_id="q", lines=bytes(40_000)) for _ in range(300)]
    async with site.channel() as channel:
        await bulk_pb2_grpc.BulkStub(channel).PushLogs(iter(chunks), timeout=_PATIENCE_SECONDS)
    assert site.echo.size == 300 * 40_000


async def test_an_answer_may_come_before_the_end(site: Site) -> None:
    async def chunks() -> AsyncIterator[bulk_pb2.LogChunk]:
        yield bulk_pb2.LogChunk(question_id="enough", lines=b"x")
        await asyncio.Event().wait()

    async with site.channel() as channel:
        await bulk_pb2_grpc.BulkStub(channel).PushLogs(chunks(), timeout=_PATIENCE_SECONDS)
    assert site.echo.size == 1


async def test_a_push_may_be_refused_in_its_middle(site: Site) -> None:
    chunks = [bulk_pb2.LogChunk(lines=b"x"), bulk_pb2.LogChunk(problem="the disk is full")]
    async with site.channel() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await bulk_pb2_grpc.BulkStub(channel).PushLogs(iter(chunks), timeout=_PATIENCE_SECONDS)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_servicer_that_does_not_read_holds_its_client_up(site: Site) -> None:
    site.echo.may_read.clear()
    chunk = bulk_pb2.LogChunk(question_id="q", lines=bytes(500_000))
    sent = 0
    async with site.channel() as channel, asyncio.timeout(_PATIENCE_SECONDS):
        call: Any = bulk_pb2_grpc.BulkStub(channel).PushLogs()
        with contextlib.suppress(TimeoutError):
            while sent < 400:
                await asyncio.wait_for(call.write(chunk), 2)
                sent += 1
        assert sent < 400
        # Meanwhile others are heard on the same connection.
        await session_pb2_grpc.SessionStub(channel).Renew(pb.RenewRequest(csr=b"yes"))
        call.cancel()
