"""gRPC's own client and server, with gateway, tunnel and agent between them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc.aio
import pytest

from homeport.tls import front_tls, load_pair
from tests.fakes.certs import authority, issue
from tests.fakes.data_plane import TERMS, TOKEN, DataPlane
from tests.fakes.grpc_model import SERVICE, GrpcModel

TO_CHAT = (("authorization", f"Bearer {TOKEN}"), ("x-homeport-deployment", "chat"))
MIB = 1024 * 1024
PATIENCE = 60.0
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Site:
    def __init__(self, plane: DataPlane, model: GrpcModel) -> None:
        self.plane = plane
        self.model = model
        self.channel: Any = grpc.aio.insecure_channel(f"127.0.0.1:{plane.port}", options=_OPTIONS)

    def unary(self, message: bytes, method: str = "Unary", metadata: Any = TO_CHAT, timeout: float = PATIENCE) -> Any:
        return self.channel.unary_unary(f"/{SERVICE}/{method}")(message, metadata=metadata, timeout=timeout)

    def server_stream(self, message: bytes) -> Any:
        return self.channel.unary_stream(f"/{SERVICE}/ServerStream")(message, metadata=TO_CHAT, timeout=PATIENCE)

    def client_stream(self, messages: AsyncIterator[bytes]) -> Any:
        return self.channel.stream_unary(f"/{SERVICE}/ClientStream")(messages, metadata=TO_CHAT, timeout=PATIENCE)

    def bidi(self) -> Any:
        return self.channel.stream_stream(f"/{SERVICE}/Bidi")(metadata=TO_CHAT, timeout=PATIENCE)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with DataPlane() as plane:
        model = GrpcModel()
        await plane.serve(model)
        site = Site(plane, model)
        yield site
        await site.channel.close()


async def test_a_unary_call_with_metadata_of_both_sides(site: Site) -> None:
    call = site.unary(b"hello", metadata=(*TO_CHAT, ("x-own", "1"), ("x-own-bin", b"\x00\x01\xff")))
    assert await call == b"hello"
    begun, done = dict(await call.initial_metadata()), dict(await call.trailing_metadata())
    assert (begun["x-begun"], begun["x-raw-bin"], done["x-done"]) == ("yes", b"\x01\xfe", "yes")
    assert begun["x-request-id"]
    seen = site.model.calls[0]
    assert (seen["x-own"], seen["x-own-bin"], seen["x-request-id"]) == ("1", b"\x00\x01\xff", begun["x-request-id"])
    assert not {"authorization", "x-homeport-deployment", "connection"} & seen.keys()


async def test_each_kind_of_stream(site: Site) -> None:
    pieces = [message async for message in site.server_stream(b"50 1000")]
    assert [int(piece.split(b" ")[0]) for piece in pieces] == list(range(50))

    async def many() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"x" * 1000

    assert await site.client_stream(many()) == b"200000"
    call = site.bidi()
    for number in range(20):
        await call.write(b"%d" % number)
        # The next is only sent when this one is back: nothing waits for more.
        assert await call.read() == b"%d" % number
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_large_messages_both_ways(site: Site) -> None:
    large = b"x" * (8 * MIB)
    assert await site.unary(large) == large
    answers = [message async for message in site.server_stream(b"3 %d" % (4 * MIB))]
    assert [len(answer) for answer in answers] == [4 * MIB + 2] * 3


async def test_a_server_that_has_heard_enough_ends_the_call(site: Site) -> None:
    call = site.bidi()
    await call.write(b"one")
    assert await call.read() == b"one"
    await call.write(b"enough")
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK
    await site.plane.until(lambda: not site.plane.gateway.active)


async def test_statuses_and_what_stands_beside_them(site: Site) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await site.unary(b"fail")
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "no: 100 % wrong")
    trailing = dict(caught.value.trailing_metadata() or ())
    assert (trailing["x-why"], trailing["x-raw-bin"]) == ("because", b"\x00\xff")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await site.unary(b"", method="Missing")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    read = []
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for message in site.server_stream(b"7 10"):
            read.append(message)  # noqa: PERF401 - it ends with an error
    assert (len(read), caught.value.code()) == (7, grpc.StatusCode.DATA_LOSS)


async def test_a_client_that_cancels_stops_the_model(site: Site) -> None:
    hanging, talking = site.unary(b"hang"), site.bidi()
    await talking.write(b"one")
    assert await talking.read() == b"one"
    await site.plane.until(lambda: len(site.model.calls) == 2)
    hanging.cancel()
    talking.cancel()
    await asyncio.wait_for(site.model.cancelled.wait(), PATIENCE)
    await site.plane.until(lambda: not site.plane.gateway.active and not site.plane.node.relay.in_flight)


async def test_a_deadline_goes_along(site: Site) -> None:
    await site.unary(b"", timeout=500.0)
    remaining = site.model.remaining[0]
    assert remaining is not None and 300.0 < remaining <= 500.0
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await site.unary(b"hang", timeout=0.5)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(site.model.cancelled.wait(), PATIENCE)


async def test_many_calls_at_once_share_connections(site: Site) -> None:
    site.plane.node.relay.set_deployment(_terms(64))
    answers = await asyncio.gather(*(site.unary(b"%d" % number) for number in range(500)))
    assert list(answers) == [b"%d" % number for number in range(500)]


async def test_a_replica_with_few_streams_gets_more_connections() -> None:
    async with DataPlane() as plane:
        model = GrpcModel([("grpc.max_concurrent_streams", 2)])
        await plane.serve(model, terms=_terms(16))
        site = Site(plane, model)
        calls = [site.bidi() for _ in range(8)]
        for call in calls:
            await call.write(b"x")
        for call in calls:
            assert await call.read() == b"x"
        for call in calls:
            call.cancel()
        await site.channel.close()


async def test_a_replica_that_stops_between_two_calls_is_dialled_anew(site: Site) -> None:
    assert await site.unary(b"one") == b"one"
    port = site.model.port
    await site.model.close(0)
    again = GrpcModel()
    await again.start_on(port)
    assert await site.unary(b"two") == b"two"
    await again.close()


async def test_over_tls() -> None:
    tls = front_tls(http2=True)
    load_pair(tls, *issue(authority().ca, san_dns="gateway"))
    async with DataPlane(tls=tls) as plane:
        await plane.serve(GrpcModel())
        trust = grpc.ssl_channel_credentials(authority().ca.pem)
        options = [("grpc.ssl_target_name_override", "gateway")]
        async with grpc.aio.secure_channel(f"127.0.0.1:{plane.port}", trust, options=options) as channel:
            call: Any = channel.unary_unary(f"/{SERVICE}/Unary")
            assert await call(b"x" * MIB, metadata=TO_CHAT, timeout=PATIENCE) == b"x" * MIB


async def test_a_slow_reader_holds_the_model_back(site: Site) -> None:
    """100 MiB are asked for and one message is read: what is on the way stays bounded, and others are answered."""
    call = site.server_stream(b"100 %d" % MIB)
    messages = aiter(call)
    assert len(await anext(messages)) > MIB
    for number in range(20):
        assert await site.unary(b"%d" % number) == b"%d" % number
    assert len([message async for message in messages]) == 99


def _terms(concurrency: int) -> Any:
    return replace(TERMS, concurrency=concurrency, hold_limit=1000)
