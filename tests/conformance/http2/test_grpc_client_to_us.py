"""gRPC's own client speaks to our server: whoever knows gRPC knows us."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc
import pytest

from homeport.http2.call import ServerCall
from homeport.http2.messages import MAX_MESSAGE
from homeport.http2.server import GrpcServer
from homeport.http2.status import PERMISSION_DENIED, Status
from homeport.identity import shown_in
from tests.fakes.certs import Authority, authority, make_ca
from tests.fakes.talkers import RecordingTalker, echo

NAME = (("grpc.ssl_target_name_override", "homeport-control-plane"),)
ECHO, REFUSE, PEER, END = "/test.Echo/Echo", "/test.Echo/Refuse", "/test.Echo/Peer", "/test.Echo/End"


def refuse(call: ServerCall) -> None:
    call.end(Status(PERMISSION_DENIED, "not today: 100 % “sure”"))


def peer(call: ServerCall) -> None:
    talker = RecordingTalker()
    talker.call = call
    call.accept([], talker)
    shown = shown_in(call.endpoint.peer_certificate)
    talker.say((shown.node_id if shown else "").encode())


def end(call: ServerCall) -> None:
    """Two messages, and when they are out a status."""
    talker = RecordingTalker()
    talker.call = call
    call.accept([], talker)
    talker.say(b"one")
    talker.say(b"two")
    asyncio.get_running_loop().call_later(0.05, call.end, Status(PERMISSION_DENIED, "that was all"))


class Site:
    def __init__(self) -> None:
        self.server = GrpcServer({ECHO.encode(): echo, REFUSE.encode(): refuse, PEER.encode(): peer, END.encode(): end})
        self.port = 0

    async def start(self) -> None:
        self.port = await self.server.start("127.0.0.1", 0, authority().server_tls())

    def channel(
        self, *options: tuple[str, int], credentials: grpc.ChannelCredentials | None = None
    ) -> grpc.aio.Channel:
        credentials = credentials or authority().node_credentials()
        return grpc.aio.secure_channel(f"127.0.0.1:{self.port}", credentials, options=(*NAME, *options))


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    await site.start()
    yield site
    await site.server.close()


def call_of(channel: grpc.aio.Channel, path: str = ECHO, **metadata: str) -> "grpc.aio.StreamStreamCall[bytes, bytes]":
    call: grpc.aio.StreamStreamCall[bytes, bytes] = channel.stream_stream(path)(metadata=tuple(metadata.items()))
    return call


async def test_messages_of_all_sizes_come_back(site: Site) -> None:
    async with site.channel() as channel:
        call = call_of(channel)
        for size in (0, 1, 5, 16_379, 16_384, 65_535, 65_536, 300_000, 2_000_000):
            message = bytes([size % 251]) * size
            await call.write(message)
            assert await call.read() == message
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await call.code() == grpc.StatusCode.OK


async def test_metadata_goes_both_ways(site: Site) -> None:
    async with site.channel() as channel:
        call = call_of(channel, say="hello")
        assert ("said", "hello") in list(await call.initial_metadata())
        call.cancel()


async def test_megabytes_pass_both_ways_at_once_through_the_windows(site: Site) -> None:
    async with site.channel() as channel:
        call = call_of(channel)
        message = bytes(range(256)) * 256
        count = 500

        async def write() -> None:
            for _ in range(count):
                await call.write(message)

        writing = asyncio.ensure_future(write())
        for _ in range(count):
            assert await call.read() == message
        await writing
        call.cancel()


async def test_a_client_that_does_not_read_holds_up_only_its_own_call(site: Site) -> None:
    async with site.channel() as channel:
        deaf, other = call_of(channel), call_of(channel)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    await deaf.write(bytes(60_000))
        await other.write(b"still here")
        assert await other.read() == b"still here"
        deaf.cancel()
        other.cancel()


async def test_many_calls_share_a_connection(site: Site) -> None:
    async with site.channel() as channel:
        calls = [call_of(channel) for _ in range(80)]
        for number, call in enumerate(calls):
            await call.write(b"%d" % number)
        assert [await call.read() for call in calls] == [b"%d" % number for number in range(80)]
        for call in calls:
            call.cancel()


async def test_an_unknown_method_is_unimplemented(site: Site) -> None:
    async with site.channel() as channel:
        call = call_of(channel, "/test.Echo/Nothing")
        assert await call.code() == grpc.StatusCode.UNIMPLEMENTED
        assert "/test.Echo/Nothing" in await call.details()


async def test_a_refused_call_says_why(site: Site) -> None:
    async with site.channel() as channel:
        call = call_of(channel, REFUSE)
        assert await call.code() == grpc.StatusCode.PERMISSION_DENIED
        assert await call.details() == "not today: 100 % “sure”"


async def test_a_status_follows_the_messages(site: Site) -> None:
    async with site.channel() as channel:
        call = call_of(channel, END)
        assert [await call.read(), await call.read()] == [b"one", b"two"]
        assert await call.code() == grpc.StatusCode.PERMISSION_DENIED
        assert await call.details() == "that was all"


async def test_a_message_over_the_limit_ends_the_call(site: Site) -> None:
    async with site.channel(("grpc.max_send_message_length", -1)) as channel:
        call = call_of(channel)
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await call.write(bytes(MAX_MESSAGE + 1))
        assert await call.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        other = call_of(channel)
        await other.write(b"the connection goes on")
        assert await other.read() == b"the connection goes on"
        other.cancel()


async def test_a_compressed_message_is_refused(site: Site) -> None:
    async with site.channel() as channel:
        call: grpc.aio.StreamStreamCall[bytes, bytes] = channel.stream_stream(ECHO)(compression=grpc.Compression.Gzip)
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await call.write(bytes(100_000))
        assert await call.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_a_cancelled_call_is_heard_of(site: Site) -> None:
    talkers: list[RecordingTalker] = []

    def listen(call: ServerCall) -> None:
        talker = RecordingTalker()
        talkers.append(talker)
        call.accept([], talker)

    server = GrpcServer({ECHO.encode(): listen})
    port = await server.start("127.0.0.1", 0, authority().server_tls())
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", authority().node_credentials(), options=NAME) as channel:
        call = call_of(channel)
        await call.initial_metadata()
        call.cancel()
        status = await talkers[0].end()
        assert "CANCEL" in status.message
    await server.close()


async def test_the_nodes_name_comes_from_its_certificate(site: Site) -> None:
    async with site.channel(credentials=authority().node_credentials("node-77")) as channel:
        assert await call_of(channel, PEER).read() == b"node-77"


@pytest.mark.parametrize(
    "credentials",
    [
        grpc.ssl_channel_credentials(authority().ca.pem),
        Authority(make_ca()).node_credentials(),
    ],
    ids=["no certificate", "another CA"],
)
async def test_without_a_certificate_of_ours_nobody_gets_in(site: Site, credentials: grpc.ChannelCredentials) -> None:
    async with site.channel(credentials=credentials) as channel:
        call = call_of(channel)
        assert await call.code() == grpc.StatusCode.UNAVAILABLE


async def test_a_server_that_stops_is_unavailable(site: Site) -> None:
    async with site.channel() as channel:
        call = call_of(channel)
        await call.initial_metadata()
        await site.server.close()
        assert await call.code() == grpc.StatusCode.UNAVAILABLE


async def test_keepalive_pings_of_the_client_are_answered(site: Site) -> None:
    options = (
        ("grpc.keepalive_time_ms", 1000),
        ("grpc.keepalive_timeout_ms", 1000),
        ("grpc.http2.max_pings_without_data", 0),
    )
    async with site.channel(*options) as channel:
        call = call_of(channel)
        await call.write(b"before")
        assert await call.read() == b"before"
        # Three pings fall into the silence; the first one that nobody answered would end the connection.
        await asyncio.sleep(3.5)
        await call.write(b"after")
        assert await call.read() == b"after"
        call.cancel()
