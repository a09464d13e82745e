"""Tunnels whose other end is gRPC's own: what an older release runs, and the proof that the wire is still gRPC."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from agent.relay.deployment import Upstream
from agent.relay.relay import Relay
from agent.relay.tunnels import Tunnels
from homeport.tunnel.link import Link
from homeport.tunnel.opening import Opening
from tests.fakes.certs import authority
from tests.fakes.data_plane import TERMS, DataPlane
from tests.fakes.link_pair import RecordingStream
from tests.fakes.model_server import ModelServer

NAME = (("grpc.ssl_target_name_override", "homeport-gateway"),)


async def carry(
    link: Link, woken: asyncio.Event, read: Callable[[], Awaitable[Any]], write: Callable[[bytes], Any]
) -> None:
    """Until the call ends."""

    async def send() -> None:
        while True:
            while (message := link.outbox.take()) is not None:
                await write(message)
            woken.clear()
            await woken.wait()

    sending = asyncio.ensure_future(send())
    try:
        while (message := await read()) is not grpc.aio.EOF:
            link.feed(message, 0, len(message))
    finally:
        sending.cancel()


async def test_an_agent_on_grpc_attaches_and_serves() -> None:
    server = ModelServer()
    await server.start()
    relay = Relay(time.monotonic)
    relay.set_deployment(TERMS)
    relay.set_upstreams("chat", [Upstream("r", "127.0.0.1", server.port)])
    async with (
        DataPlane() as plane,
        grpc.aio.secure_channel(
            f"127.0.0.1:{plane.tunnel_port}", authority().node_credentials("node-1"), options=NAME
        ) as channel,
    ):
        call: grpc.aio.StreamStreamCall[bytes, bytes] = channel.stream_stream("/homeport.v1.Tunnel/Attach")(
            metadata=(("hp-epoch", "1"),)
        )
        metadata = {key: str(value) for key, value in await call.initial_metadata()}
        assert metadata["hp-worker-id"] in metadata["hp-worker-ids"].split(",")
        woken = asyncio.Event()
        link = Link(woken.set)
        carrying = asyncio.ensure_future(carry(link, woken, call.read, call.write))
        relay.add_link(link)
        await plane.until_ready(1)
        client = await plane.connect()
        for size in (0, 1000, 3_000_000):
            body = bytes(size)
            status, _, answer = await client.ask("POST", "/d/chat/x", body)
            assert (status, answer == body) == (200, True)
        carrying.cancel()
        call.cancel()
        await plane.until(lambda: not plane.gateway.presences.candidates("chat"))
    await server.close()


async def test_an_agent_of_another_epoch_on_grpc_is_told_so() -> None:
    async with (
        DataPlane() as plane,
        grpc.aio.secure_channel(
            f"127.0.0.1:{plane.tunnel_port}", authority().node_credentials("node-1"), options=NAME
        ) as channel,
    ):
        call: grpc.aio.StreamStreamCall[bytes, bytes] = channel.stream_stream("/homeport.v1.Tunnel/Attach")(
            metadata=(("hp-epoch", "7"),)
        )
        assert await call.code() == grpc.StatusCode.PERMISSION_DENIED
        assert (await call.details()).startswith("SUPERSEDED: ")


async def test_our_agent_attaches_to_a_gateway_on_grpc() -> None:
    answered: asyncio.Future[tuple[tuple[int, int, bytes] | None, bytes]] = asyncio.get_running_loop().create_future()

    async def attach(_: object, context: "grpc.aio.ServicerContext[bytes, bytes]") -> None:
        await context.send_initial_metadata((("hp-worker-id", "w"), ("hp-worker-ids", "w")))
        woken = asyncio.Event()
        link = Link(woken.set)
        loaded = asyncio.Event()
        link.on_load = lambda _, loads: loaded.set() if loads and loads[0].ready else None
        carrying = asyncio.ensure_future(carry(link, woken, context.read, context.write))
        await asyncio.wait_for(loaded.wait(), 60)
        stream = RecordingStream(link, link.next_id())
        body = bytes(1_000_000)
        link.open(stream, Opening("chat", 1, b"POST /x HTTP/1.1\r\n", len(body)), False)
        stream.send_data(body, True)
        async with asyncio.timeout(60):
            while not stream.ended:  # noqa: ASYNC110 - what tests wait for has no event
                await asyncio.sleep(0.01)
        answered.set_result((stream.head, stream.data))
        carrying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await carrying

    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(attach)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("homeport.v1.Tunnel", {"Attach": handler}),))
    port = server.add_secure_port("127.0.0.1:0", authority().gateway_credentials("w"))
    await server.start()
    model = ModelServer()
    await model.start()
    relay = Relay(time.monotonic)
    tunnels = Tunnels(relay, lambda: authority().node_tls(), lambda: 1)
    relay.set_deployment(TERMS)
    relay.set_upstreams("chat", [Upstream("r", "127.0.0.1", model.port)])
    tunnels.set_targets([f"127.0.0.1:{port}"])
    head, data = await asyncio.wait_for(answered, 60)
    assert head is not None and head[:2] == (200, 1_000_000)
    assert data == bytes(1_000_000)
    await tunnels.close(0)
    await server.stop(None)
    await model.close()
