"""A servicer that hears its messages in the turn in which they come, and gRPC's client at the other end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from homeport_proto.v1 import session_pb2 as pb
from homeport_proto.v1 import session_pb2_grpc

from controlplane.sessions.servicers import Servicers
from homeport.http2.server import GrpcServer
from tests.fakes.certs import authority

_NAME = (("grpc.ssl_target_name_override", "homeport-control-plane"),)
_PATIENCE_SECONDS = 60
_BUG, _LAST = 999, 7


class Listener(session_pb2_grpc.SessionServicer):
    """Reads one message, waits until it may listen, and then says back each epoch that it hears as a reason."""

    def __init__(self) -> None:
        self.may_listen = asyncio.Event()
        self.has_first = asyncio.Event()
        self.heard_all = asyncio.Event()
        self.ended = asyncio.Event()
        self.heard: list[int] = []

    async def Connect(self, request_iterator: Any, context: Any) -> None:  # type: ignore[override]
        def hear(message: pb.AgentMessage) -> None:
            self.heard.append(message.epoch)
            if message.epoch == _BUG:
                raise ValueError("as a bug would")
            context.post(pb.ControlMessage(goodbye=pb.Goodbye(reason=str(message.epoch))))
            if message.epoch == _LAST:
                context.leave(_PATIENCE_SECONDS)

        try:
            await anext(request_iterator)
            self.has_first.set()
            await self.may_listen.wait()
            await context.listen(hear)
            self.heard_all.set()
        finally:
            self.ended.set()

    async def Renew(self, request: pb.RenewRequest, context: Any) -> pb.RenewResponse:
        raise NotImplementedError

    async def CertifyGateway(self, request: pb.CertifyGatewayRequest, context: Any) -> pb.CertifyGatewayResponse:
        raise NotImplementedError


class Site:
    def __init__(self, listener: Listener, port: int) -> None:
        self.listener = listener
        self._port = port

    def channel(self) -> grpc.aio.Channel:
        credentials = authority().node_credentials("node-77")
        return grpc.aio.secure_channel(f"127.0.0.1:{self._port}", credentials, options=_NAME)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    listener = Listener()
    servicers = Servicers()
    servicers.add(session_pb2_grpc.add_SessionServicer_to_server, listener)
    server = GrpcServer(servicers.methods)
    yield Site(listener, await server.start("127.0.0.1", 0, authority().server_tls()))
    await server.close()


async def _begin(channel: grpc.aio.Channel) -> Any:
    call: Any = session_pb2_grpc.SessionStub(channel).Connect()
    await call.write(pb.AgentMessage(epoch=1))
    return call


async def _reason(call: Any) -> str:
    answer = await call.read()
    assert isinstance(answer, pb.ControlMessage)
    return answer.goodbye.reason


@pytest.mark.parametrize("early", [0, 1, 200])
async def test_nothing_is_lost_or_turned_round_when_the_listening_begins(site: Site, early: int) -> None:
    """More than the inbox holds may have come by then."""
    async with site.channel() as channel, asyncio.timeout(_PATIENCE_SECONDS):
        call = await _begin(channel)
        epochs = range(10, 310)
        for epoch in epochs[:early]:
            await call.write(pb.AgentMessage(epoch=epoch))
        await site.listener.has_first.wait()
        site.listener.may_listen.set()
        for epoch in epochs[early:]:
            await call.write(pb.AgentMessage(epoch=epoch))
        await call.done_writing()
        assert [await _reason(call) for _ in epochs] == [str(epoch) for epoch in epochs]
        assert await call.read() is grpc.aio.EOF
        assert await call.code() is grpc.StatusCode.OK
        assert site.listener.heard_all.is_set()


async def test_the_last_word_is_heard(site: Site) -> None:
    site.listener.may_listen.set()
    async with site.channel() as channel, asyncio.timeout(_PATIENCE_SECONDS):
        call = await _begin(channel)
        await call.write(pb.AgentMessage(epoch=_LAST))
        assert await _reason(call) == str(_LAST)
        assert await call.read() is grpc.aio.EOF
        assert await call.code() is grpc.StatusCode.OK


async def test_a_bug_ends_the_call_and_no_other(site: Site) -> None:
    site.listener.may_listen.set()
    async with site.channel() as channel, asyncio.timeout(_PATIENCE_SECONDS):
        other, call = await _begin(channel), await _begin(channel)
        await call.write(pb.AgentMessage(epoch=_BUG))
        assert await call.code() is grpc.StatusCode.UNKNOWN
        await other.write(pb.AgentMessage(epoch=20))
        assert await _reason(other) == "20"
        other.cancel()


async def test_it_hears_that_the_client_has_left(site: Site) -> None:
    site.listener.may_listen.set()
    async with site.channel() as channel, asyncio.timeout(_PATIENCE_SECONDS):
        call = await _begin(channel)
        await call.write(pb.AgentMessage(epoch=20))
        assert await _reason(call) == "20"
        call.cancel()
        await site.listener.ended.wait()
        assert not site.listener.heard_all.is_set()
