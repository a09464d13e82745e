"""The sentences of the design about a second try, one by one."""

import asyncio

import pytest

from homeport.core.policy import Policy
from homeport.gateway.routing.model_field import MAX_BODY
from tests.fakes.data_plane import DataPlane
from tests.fakes.model_server import Call, ModelServer


async def break_off(call: Call) -> None:
    call.writer.transport.abort()


async def hang(call: Call) -> None:
    await call.gone.wait()


async def test_a_refused_request_of_any_method_goes_to_the_next_rank_and_is_counted() -> None:
    async with DataPlane(nodes=2) as plane:
        full, free = ModelServer(), ModelServer()
        await plane.serve(full)
        await plane.serve(free, node=plane.nodes[1])
        plane.node.relay.draining = True
        client = await plane.connect()
        status, _, body = await client.ask("PATCH", "/d/chat/x", b"once")
        assert (status, body, len(full.calls), len(free.calls)) == (200, b"once", 0, 1)
        counted = plane.gateway.counters.of("chat")
        assert (counted.resends, counted.retries) == (1, 0)


@pytest.mark.parametrize(
    ("method", "path", "headers", "retry", "status"),
    [
        ("POST", "/v1/x", "", "safe", 200),
        ("POST", "/v2/models/m/infer", "", "safe", 200),
        ("POST", "/v1/x", "", "none", 502),
        ("POST", "/x", "", "safe", 502),
        ("PATCH", "/x", "", "safe", 502),
        ("POST", "/x", "idempotency-key: 7\r\n", "none", 200),
        ("PUT", "/x", "", "none", 200),
        ("DELETE", "/x", "", "none", 200),
    ],
)
async def test_a_lost_tunnel_is_a_second_try_where_that_is_safe(
    method: str, path: str, headers: str, retry: str, status: int
) -> None:
    async with DataPlane(Policy(retry=retry), nodes=2) as plane:
        hanging, sound = ModelServer(hang), ModelServer()
        await plane.serve(hanging)
        await plane.serve(sound, node=plane.nodes[1])
        client = await plane.connect()
        client.send(method, f"/d/chat{path}", b"hello", headers)
        await plane.until(lambda: len(hanging.calls) == 1)
        await plane.node.tunnels.close(0)
        assert (await client.answer())[0] == status
        assert len(sound.calls) == (status == 200)
        counted = plane.gateway.counters.of("chat")
        assert (counted.resends, counted.retries) == (0, int(status == 200))


async def test_a_body_that_is_no_longer_held_is_not_sent_a_second_time() -> None:
    async with DataPlane() as plane:
        server = ModelServer(break_off)
        await plane.serve(server)
        client = await plane.connect()
        status, _, _ = await client.ask("POST", "/d/chat/v1/x", b"x" * (MAX_BODY + 1))
        assert (status, len(server.calls)) == (502, 1)
        assert plane.gateway.counters.of("chat").retries == 0


async def test_after_the_first_byte_there_is_no_second_run() -> None:
    async with DataPlane(nodes=2) as plane:

        async def half(call: Call) -> None:
            call.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
            await call.writer.drain()
            await release.wait()
            call.writer.transport.abort()

        release = asyncio.Event()
        broken, sound = ModelServer(half), ModelServer()
        await plane.serve(broken)
        await plane.serve(sound, node=plane.nodes[1])
        client = await plane.connect()
        client.send("GET", "/d/chat/v1/x")
        assert (await client.head())[0] == 200
        release.set()
        assert await client.at_end() == b""
        assert sound.calls == []


async def test_there_is_one_second_try_and_no_third() -> None:
    async with DataPlane(nodes=3) as plane:
        servers = [ModelServer(break_off) for _ in plane.nodes]
        for server, node in zip(servers, plane.nodes, strict=True):
            await plane.serve(server, node=node)
        client = await plane.connect()
        status, _, _ = await client.ask("GET", "/d/chat/x")
        assert (status, sum(len(server.calls) for server in servers)) == (502, 2)
        assert plane.gateway.counters.of("chat").retries == 1
