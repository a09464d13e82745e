"""What a hostile or careless client or model can make the gateway and the relay hold, open or wait for."""

import asyncio
import gzip
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from homeport.http1.limits import Timeouts
from tests.fakes.data_plane import TERMS, TOKEN, DataPlane
from tests.fakes.model_server import Call, ModelServer

MIB = 1024 * 1024
AUTH = f"host: a\r\nauthorization: Bearer {TOKEN}\r\n"


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """That much more memory."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def test_bodies_pass_both_ways_at_once_in_bounded_memory() -> None:
    """128 MiB up and down through one request: as much as anybody likes to send goes that way."""
    size, piece = 128 * MIB, bytes(range(256)) * 1024

    async def echo(call: Call) -> None:
        call.begin_chunks("application/octet-stream")
        while count := int(await call.reader.readuntil(b"\r\n"), 16):
            call.chunk((await call.reader.readexactly(count + 2))[:-2])
            await call.writer.drain()
        await call.reader.readexactly(2)
        call.chunk(b"")

    async with DataPlane() as plane:
        await plane.serve(ModelServer(echo, read_bodies=False))
        client = await plane.connect()
        client.writer.write(f"PUT /d/chat/echo HTTP/1.1\r\n{AUTH}transfer-encoding: chunked\r\n\r\n".encode())

        async def send() -> None:
            for _ in range(size // len(piece)):
                client.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await client.writer.drain()

        client.writer.write(b"5\r\nhello\r\n")
        assert (await client.head())[0] == 200
        assert await client.chunk() == b"hello"
        before, most, received = resident(), 0, 0
        sending = asyncio.create_task(send())
        async with asyncio.timeout(100):
            while received < size:
                received += len(await client.chunk())
                most = max(most, resident())
            await sending
        client.writer.write(b"0\r\n\r\n")
        assert await client.chunk() == b""
        assert most - before < 32 * MIB


async def test_a_thousand_clients_that_leave_in_the_middle_leave_nothing_behind() -> None:
    async with DataPlane() as plane:
        gone: list[asyncio.Event] = []

        async def stream(call: Call) -> None:
            gone.append(call.gone)
            call.begin_chunks()
            call.chunk(b"data: 0\n\n")
            await call.reader.read()

        await plane.serve(ModelServer(stream), terms=replace(TERMS, concurrency=50))
        for _ in range(20):
            clients = [await plane.connect() for _ in range(50)]
            for client in clients:
                client.send("GET", "/d/chat/stream")
            for client in clients:
                assert (await client.head())[0] == 200
            for client in clients:
                client.close()
            await plane.until(lambda: plane.node.relay.in_flight == 0)
        assert len(gone) == 1000
        async with asyncio.timeout(60):
            await asyncio.gather(*(each.wait() for each in gone))
        assert plane.gateway.active == set()
        assert plane.node.relay.in_flight_on("chat", "node-1-replica-0") == 0
        assert [len(route.attempts) for route in plane.gateway.presences.candidates("chat")] == [0]


@pytest.mark.parametrize("part", ["head", "body"])
async def test_a_client_that_hardly_sends_is_given_up(part: str) -> None:
    async with DataPlane(timeouts=Timeouts(head=0.1, body=0.1)) as plane:
        server = ModelServer(read_bodies=False)
        await plane.serve(server)
        client = await plane.connect()
        if part == "head":
            client.writer.write(b"POST /d/chat/x HTTP/1.1\r\nhost: a\r\nx-slow: 1")
            expected = b"HTTP/1.1 408 "
        else:
            client.writer.write(f"POST /v1/embeddings HTTP/1.1\r\n{AUTH}content-length: 10\r\n\r\nabc".encode())
            expected = b"HTTP/1.1 504 "
        assert (await client.at_end()).startswith(expected)
        assert server.calls == []


async def test_large_heads_are_refused_by_their_number() -> None:
    cases = {
        "431 one header": f"GET /d/chat/x HTTP/1.1\r\n{AUTH}x-a: {'b' * 9000}\r\n\r\n",
        "431 many headers": f"GET /d/chat/x HTTP/1.1\r\n{AUTH}" + "x-a: b\r\n" * 300 + "\r\n",
        "431 no end": f"GET /d/chat/x HTTP/1.1\r\n{AUTH}" + "x-a: b\r\n" * 10_000,
        "414 the target": f"GET /d/chat/{'x' * 9000} HTTP/1.1\r\n{AUTH}\r\n",
    }
    async with DataPlane() as plane:
        server = ModelServer()
        await plane.serve(server)
        for name, request in cases.items():
            client = await plane.connect()
            client.writer.write(request.encode())
            assert (await client.at_end()).split(b" ")[1] == name.split()[0].encode(), name
        assert server.calls == []
        client = await plane.connect()
        assert (await client.ask("GET", "/d/chat/x", headers=f"x-a: {'b' * 8000}\r\n"))[0] == 200


async def test_what_is_packed_passes_packed_and_nobody_unpacks_it() -> None:
    bomb = gzip.compress(bytes(64 * MIB))

    async def explode(call: Call) -> None:
        assert call.body == bomb
        call.answer(bomb, headers="content-encoding: gzip\r\ncontent-type: application/json\r\n")

    packed = "content-encoding: gzip\r\ncontent-type: application/json\r\n"
    async with DataPlane(served_model_name="org/real") as plane:
        server = ModelServer(explode)
        await plane.serve(server)
        client = await plane.connect()
        with at_most(8 * MIB):
            for path in ("/d/chat/v1/chat/completions", "/v1/chat/completions"):
                status, headers, body = await client.ask("POST", path, bomb, packed)
                assert (status, headers["content-encoding"], body) == (200, "gzip", bomb)
            plane.table.put(replace(plane.route, deployment_id="other", model_id="large"))
            # Its model can't be read.
            assert (await client.ask("POST", "/v1/chat/completions", bomb, packed))[0] == 409
        assert len(server.calls) == 2


async def test_requests_go_to_replicas_and_nowhere_else() -> None:
    """Whatever names a host: the target, a header, the deployment's name, or the model's redirect."""
    reached: list[str] = []

    async def note(call: Call) -> None:
        reached.append(call.line)
        call.answer(b"the inside")

    decoy = ModelServer(note)
    await decoy.start()
    inside = f"127.0.0.1:{decoy.port}"

    async def redirect(call: Call) -> None:
        call.answer(b"", "302 Found", f"location: http://{inside}/redirected\r\n")

    targets = [
        f"http://{inside}/latest", f"https://{inside}/latest", f"http://chat@{inside}/", f"//{inside}/x", inside,
        f"/d/{inside}/x", f"/d/http:%2f%2f{inside}/x", f"/d/%5b::ffff:127.0.0.1%5d:{decoy.port}/x",
        f"/d/chat@{inside}/x",
        f"/d/chat/..%2f..%2f{inside}/x", f"/d/@{inside}/x", f"/v2/models/{inside}/infer", f"/v1/x?model=http://{inside}/",
    ]  # fmt: skip
    headers = [
        f"host: {inside}\r\n", f"x-forwarded-host: {inside}\r\n", f"forwarded: host={inside}\r\n",
        f"x-homeport-deployment: {inside}\r\n", f"x-homeport-deployment: http://{inside}/\r\n",
        f"x-original-url: http://{inside}/\r\n", f"x-rewrite-url: http://{inside}/\r\n",
    ]  # fmt: skip
    async with DataPlane() as plane:
        server = ModelServer(redirect)
        await plane.serve(server)
        plane.table.put(replace(plane.route, deployment_id="other", model_id="large"))
        statuses = []
        for target, header in [(target, "") for target in targets] + [("/d/chat/x", header) for header in headers]:
            client = await plane.connect()
            host = "" if header.startswith("host") else "host: a\r\n"
            client.writer.write(
                f"GET {target} HTTP/1.1\r\n{host}{header}authorization: Bearer {TOKEN}\r\n\r\n".encode()
            )
            status, answered, _ = await client.answer()
            statuses.append(status)
            # The model's own words pass, and are the client's to follow or not.
            assert status in (302, 400, 404), (target, header)
            assert status != 302 or answered["location"].endswith("/redirected")
            client.close()
        assert statuses.count(302) == len(server.calls) == 5
        assert reached == []
    await decoy.close()


async def test_an_expected_body_is_asked_for_and_one_that_nobody_wants_is_not() -> None:
    async with DataPlane() as plane:
        server = ModelServer()
        await plane.serve(server)
        client = await plane.connect()
        client.send("POST", "/d/nothing/x", headers="expect: 100-continue\r\ncontent-length: 5\r\n")
        # Two lengths are none.
        assert (await client.head())[0] == 400
        for path, expected in (("/d/nothing/x", 404), ("/d/chat/x", 100)):
            client = await plane.connect()
            client.writer.write(
                f"PUT {path} HTTP/1.1\r\n{AUTH}expect: 100-continue\r\ncontent-length: 5\r\n\r\n".encode()
            )
            assert (await client.head())[0] == expected
        client.writer.write(b"hello")
        assert (await client.answer())[::2] == (200, b"hello")
        assert len(server.calls) == 1
