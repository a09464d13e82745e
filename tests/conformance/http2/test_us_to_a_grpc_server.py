"""Our client speaks to gRPC's own server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest

from controlplane.auth.peer import shown_by
from homeport.http2.client import dial
from homeport.http2.endpoint import Endpoint
from homeport.http2.errors import Http2Error
from homeport.http2.status import OK, PERMISSION_DENIED, UNAVAILABLE, UNIMPLEMENTED, Status
from homeport.identity import SERVER_NAME
from tests.fakes.certs import authority
from tests.fakes.talkers import RecordingTalker

Context = grpc.aio.ServicerContext[bytes, bytes]


async def messages(context: Context) -> AsyncIterator[bytes]:
    read: Callable[[], Awaitable[Any]] = context.read
    while (message := await read()) is not grpc.aio.EOF:
        yield message


async def echo(_: object, context: Context) -> None:
    say = [str(value) for key, value in context.invocation_metadata() or () if key == "say"]
    await context.send_initial_metadata((("said", ",".join(say)),))
    async for message in messages(context):
        await context.write(message)


async def refuse(_: object, context: Context) -> None:
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not today: 100 % “sure”")


async def peer(_: object, context: Context) -> None:
    shown = shown_by(context.auth_context())
    await context.write((shown.node_id if shown else "").encode())


class Site:
    def __init__(self, *options: tuple[str, int]) -> None:
        self.server = grpc.aio.server(options=(("grpc.so_reuseport", 0), *options))
        self.may_read = asyncio.Event()
        methods = {"Echo": echo, "Refuse": refuse, "Peer": peer, "Lazy": self._lazy}
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            name: grpc.stream_stream_rpc_method_handler(method) for name, method in methods.items()
        }
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))
        self.port = self.server.add_secure_port("127.0.0.1:0", authority().server_credentials())
        self.endpoints: list[Endpoint] = []

    async def _lazy(self, _: object, context: Context) -> None:
        """Reads nothing until it may."""
        await context.send_initial_metadata(())
        await self.may_read.wait()
        total = 0
        async for message in messages(context):
            total += len(message)
            await context.write(b"%d" % total)

    async def dial(self, node_id: str = "node-1") -> Endpoint:
        endpoint = await dial("127.0.0.1", self.port, authority().node_tls(node_id), SERVER_NAME)
        self.endpoints.append(endpoint)
        return endpoint

    async def call(self, method: str = "Echo", endpoint: Endpoint | None = None) -> RecordingTalker:
        endpoint = endpoint or await self.dial()
        talker = RecordingTalker()
        talker.call = endpoint.call(f"/test.Echo/{method}".encode(), [(b"say", b"hello")], talker)
        return talker

    async def close(self) -> None:
        for endpoint in self.endpoints:
            endpoint.close()
        await self.server.stop(None)
        # A loop that is closed with connections open complains, in whichever test comes next.
        await asyncio.gather(*(endpoint.closed for endpoint in self.endpoints))


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    await site.server.start()
    yield site
    await site.close()


async def test_messages_of_all_sizes_come_back(site: Site) -> None:
    talker = await site.call()
    for size in (0, 1, 5, 16_379, 16_384, 65_535, 65_536, 300_000, 2_000_000):
        message = bytes([size % 251]) * size
        talker.say(message)
        assert await talker.hear() == message


async def test_metadata_goes_both_ways(site: Site) -> None:
    talker = await site.call()
    await asyncio.wait_for(talker.accepted.wait(), 60)
    assert talker.metadata is not None and talker.metadata[b"said"] == b"hello"


async def test_megabytes_pass_both_ways_at_once_through_the_windows(site: Site) -> None:
    talker = await site.call()
    message = bytes(range(256)) * 256
    for _ in range(500):
        talker.say(message)
    for _ in range(500):
        assert await talker.hear() == message


async def test_a_server_that_does_not_read_holds_up_only_its_own_call() -> None:
    # Where gRPC measures the link, a slow machine gets windows that all of it fits into.
    site = Site(("grpc.http2.bdp_probe", 0))
    await site.server.start()
    endpoint = await site.dial()
    slow, other = await site.call("Lazy", endpoint), await site.call("Echo", endpoint)
    for _ in range(200):
        slow.say(bytes(60_000))
    other.say(b"still here")
    assert await other.hear() == b"still here"
    assert slow.unsent > 0, "it was taken although its window was full"
    site.may_read.set()
    assert [await slow.hear() for _ in range(200)][-1] == b"12000000"
    await site.close()


async def test_many_calls_share_a_connection(site: Site) -> None:
    endpoint = await site.dial()
    talkers = [await site.call("Echo", endpoint) for _ in range(80)]
    for number, talker in enumerate(talkers):
        talker.say(b"%d" % number)
    assert [await talker.hear() for talker in talkers] == [b"%d" % number for number in range(80)]


async def test_an_unknown_method_is_unimplemented(site: Site) -> None:
    assert (await (await site.call("Nothing")).end()).code == UNIMPLEMENTED


async def test_a_refused_call_says_why(site: Site) -> None:
    assert await (await site.call("Refuse")).end() == Status(PERMISSION_DENIED, "not today: 100 % “sure”")


async def test_the_last_message_comes_before_the_status(site: Site) -> None:
    talker = await site.call("Peer", await site.dial("node-77"))
    assert await talker.hear() == b"node-77"
    assert (await talker.end()).code == OK


async def test_a_server_that_stops_ends_the_calls_and_takes_no_more(site: Site) -> None:
    endpoint = await site.dial()
    talker = await site.call("Echo", endpoint)
    await asyncio.wait_for(talker.accepted.wait(), 60)
    await site.server.stop(None)
    assert (await talker.end()).code != OK
    with pytest.raises(Http2Error):
        await site.call("Echo", endpoint)


async def test_more_calls_than_the_server_wants_are_refused_here() -> None:
    site = Site(("grpc.max_concurrent_streams", 2))
    await site.server.start()
    endpoint = await site.dial()
    first = await site.call("Echo", endpoint)
    await asyncio.wait_for(first.accepted.wait(), 60)
    await site.call("Echo", endpoint)
    with pytest.raises(Http2Error):
        await site.call("Echo", endpoint)
    await site.close()


async def test_a_server_that_vanishes_is_unavailable(site: Site) -> None:
    endpoint = await site.dial()
    talker = await site.call("Echo", endpoint)
    await asyncio.wait_for(talker.accepted.wait(), 60)
    endpoint.abort()
    assert (await talker.end()).code == UNAVAILABLE
