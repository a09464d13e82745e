"""WebSockets, byte by byte: the upgrade, the pipe after it, and its ends."""

import asyncio
import ssl
from dataclasses import replace

import pytest

from agent.relay import upgrade as relayed
from homeport.core.policy import Policy
from homeport.gateway import upgrade
from homeport.tls import front_tls, load_pair
from tests.fakes.certs import authority, issue
from tests.fakes.data_plane import TERMS, TOKEN, Client, DataPlane
from tests.fakes.model_server import Call, ModelServer

UPGRADE = (
    "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
)


async def shout(call: Call) -> None:
    """Says what it hears, in capitals, until the other side stops."""
    call.writer.write(ACCEPTED + b"\r\nhello ")
    while data := await call.reader.read(65536):
        call.writer.write(data.upper())
        await call.writer.drain()
    call.writer.write(b" bye")
    call.writer.close()


async def refuse(call: Call) -> None:
    call.answer(b"no such room", "404 Not Found")


async def exactly(client: Client, data: bytes) -> None:
    async with asyncio.timeout(60):
        assert await client.reader.readexactly(len(data)) == data


async def test_bytes_pass_as_they_are_in_both_directions() -> None:
    async with DataPlane(Policy(request_timeout_seconds=30)) as plane:
        server = ModelServer(shout)
        await plane.serve(server)
        client = await plane.connect()
        # What a client says before it was answered waits for the answer.
        client.send("GET", "/d/chat/talk?x=1", headers=UPGRADE + "x-request-id: abc\r\n")
        client.writer.write(b"early ")
        status, headers = await client.head()
        assert (status, headers["upgrade"], headers["connection"]) == (101, "websocket", "upgrade")
        assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert headers["x-request-id"] == "abc"
        await exactly(client, b"hello EARLY ")
        for piece in (b"\x81\x05hello", b"POST / HTTP/1.1\r\n\r\n", bytes(range(128)) * 4096):
            client.writer.write(piece)
            await exactly(client, piece.upper())
        [call] = server.calls
        assert call.line == "GET /talk?x=1 HTTP/1.1"
        assert (call.headers["upgrade"], call.headers["connection"]) == ("websocket", "upgrade")
        assert call.headers["sec-websocket-key"] == "dGhlIHNhbXBsZSBub25jZQ=="
        assert "authorization" not in call.headers
        # No deadline holds for it any more, and it counts as in flight.
        [request] = plane.gateway.active
        request.check(plane.gateway.clock() + 100)
        assert plane.node.relay.in_flight_on("chat", "node-1-replica-0") == 1
        client.writer.write_eof()
        assert await client.at_end() == b" bye"
        await plane.until(lambda: not plane.gateway.active and plane.node.relay.in_flight == 0)


async def test_one_that_is_refused_is_answered_and_leaves_no_connection_behind() -> None:
    async with DataPlane() as plane:
        server = ModelServer(refuse)
        await plane.serve(server)
        client = await plane.connect()
        client.send("GET", "/d/chat/talk", headers=UPGRADE)
        # Whatever a client sends behind it is not read as a request.
        client.writer.write(b"GET /d/chat/smuggled HTTP/1.1\r\nhost: a\r\n\r\n")
        answer = await client.at_end()
        assert answer.startswith(b"HTTP/1.1 404 ")
        assert answer.endswith(b"\r\n\r\nno such room")
        await asyncio.wait_for(server.calls[0].gone.wait(), 60)
        assert len(server.calls) == 1


async def test_a_client_that_is_gone_ends_the_models_side_and_the_other_way_round() -> None:
    async with DataPlane() as plane:
        begun: list[Call] = []

        async def wait(call: Call) -> None:
            call.writer.write(ACCEPTED + b"\r\n")
            begun.append(call)
            await call.reader.read()

        await plane.serve(ModelServer(wait))
        client = await plane.connect()
        client.send("GET", "/d/chat/talk", headers=UPGRADE)
        assert (await client.head())[0] == 101
        client.close()
        await asyncio.wait_for(begun[0].gone.wait(), 60)
        client = await plane.connect()
        client.send("GET", "/d/chat/talk", headers=UPGRADE)
        assert (await client.head())[0] == 101
        begun[1].writer.close()
        assert await client.at_end() == b""
        await plane.until(lambda: not plane.gateway.active)


async def test_a_slow_client_holds_the_model_up_and_memory_stays_bounded() -> None:
    async with DataPlane() as plane:
        sent = [0]

        async def flood(call: Call) -> None:
            call.writer.write(ACCEPTED + b"\r\n")
            for _ in range(1024):
                call.writer.write(bytes(65536))
                await call.writer.drain()
                sent[0] += 65536
            call.writer.close()

        await plane.serve(ModelServer(flood))
        client = await plane.connect()
        client.send("GET", "/d/chat/talk", headers=UPGRADE)
        assert (await client.head())[0] == 101
        before = -1
        while before != sent[0]:
            before = sent[0]
            await asyncio.sleep(0.2)
        # What the kernel's and our buffers take, of 64 MiB.
        assert sent[0] < 32 * 1024 * 1024
        total = 0
        async with asyncio.timeout(60):
            while data := await client.reader.read(1 << 20):
                total += len(data)
        assert total == 1024 * 65536


async def test_after_the_upgrade_was_sent_it_goes_nowhere_else() -> None:
    async with DataPlane() as plane:

        async def die(call: Call) -> None:
            call.writer.close()

        servers = ModelServer(die), ModelServer(die)
        await plane.serve(*servers)
        client = await plane.connect()
        status, _, _ = await client.ask("GET", "/d/chat/talk", headers=UPGRADE)
        assert status == 502
        assert sum(len(server.calls) for server in servers) == 1


async def test_one_that_no_replica_took_goes_to_another() -> None:
    async with DataPlane() as plane:
        gone, there = ModelServer(), ModelServer(shout)
        await plane.serve(gone, there)
        await gone.close()
        for _ in range(2):
            client = await plane.connect()
            client.send("GET", "/d/chat/talk", headers=UPGRADE)
            assert (await client.head())[0] == 101
            client.close()


async def test_who_says_nothing_for_long_is_ended() -> None:
    async with DataPlane() as plane:
        server = ModelServer(shout)
        await plane.serve(server)
        client = await plane.connect()
        client.send("GET", "/d/chat/talk", headers=UPGRADE)
        assert (await client.head())[0] == 101
        await exactly(client, b"hello ")
        [request] = plane.gateway.active
        now = plane.gateway.clock()
        request.check(now + upgrade._IDLE_SECONDS - 1)
        client.writer.write(b"x")
        await exactly(client, b"X")
        request.check(now + 2 * upgrade._IDLE_SECONDS)
        assert await client.at_end() == b""
        await asyncio.wait_for(server.calls[0].gone.wait(), 60)
        counters = plane.gateway.counters.of("chat")
        assert (counters.answered[1], counters.in_flight, counters.broken, counters.disconnects) == (1, 0, 0, 0)


async def test_a_replica_that_is_to_stop_waits_for_it_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relayed, "_LEAVING_SECONDS", 0.2)
    async with DataPlane() as plane:
        await plane.serve(ModelServer(shout))
        client = await plane.connect()
        client.send("GET", "/d/chat/talk", headers=UPGRADE)
        assert (await client.head())[0] == 101
        await exactly(client, b"hello ")
        async with asyncio.timeout(60):
            await plane.node.relay.drain_upstream("chat", "node-1-replica-0")
        assert await client.at_end() == b""


async def test_an_answer_that_is_no_websocket_is_never_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relayed, "_LEAVING_SECONDS", 0.05)
    async with DataPlane() as plane:
        asked: list[Call] = []

        async def stream(call: Call) -> None:
            call.begin_chunks()
            call.chunk(b"data: 0\n\n")
            asked.append(call)
            await call.gone.wait()

        await plane.serve(ModelServer(stream))
        client = await plane.connect()
        client.send("GET", "/d/chat/talk", headers=UPGRADE)
        assert (await client.head())[0] == 200
        assert await client.chunk() == b"data: 0\n\n"
        plane.node.relay.set_upstreams("chat", [])
        draining = asyncio.create_task(plane.node.relay.drain_upstream("chat", "node-1-replica-0"))
        await asyncio.sleep(0.2)
        asked[0].chunk(b"data: 1\n\n")
        assert await client.chunk() == b"data: 1\n\n"
        asked[0].chunk(b"")
        assert await client.chunk() == b""
        await asyncio.wait_for(draining, 60)


@pytest.mark.parametrize("who", ["client", "model"])
async def test_over_tls_either_side_may_end_it(who: str) -> None:
    front = front_tls(http2=True)
    load_pair(front, *issue(authority().ca, san_dns="gateway"))
    async with DataPlane(tls=front) as plane:

        async def talk(call: Call) -> None:
            call.writer.write(ACCEPTED + b"\r\n")
            while data := await call.reader.read(65536):
                call.writer.write(data.upper())
                if who == "model" and data.endswith(b"."):
                    break
            call.writer.close()

        server = ModelServer(talk)
        await plane.serve(server)
        trust = ssl.create_default_context(cadata=authority().ca.pem.decode())
        client = Client(*await asyncio.open_connection("127.0.0.1", plane.port, ssl=trust, server_hostname="gateway"))
        client.send("GET", "/d/chat/talk", headers=UPGRADE)
        assert (await client.head())[0] == 101
        text = b"hello " * 50_000 + b"."
        client.writer.write(text)
        await exactly(client, text.upper())
        if who == "model":
            assert await client.at_end() == b""
        client.close()
        await asyncio.wait_for(server.calls[0].gone.wait(), 60)
        await plane.until(lambda: not plane.gateway.active and plane.node.relay.in_flight == 0)


@pytest.mark.parametrize("prefix", ["homeport.bearer.", "openai-insecure-api-key."])
async def test_a_browser_sends_its_token_as_a_subprotocol_and_the_model_never_sees_it(prefix: str) -> None:
    async with DataPlane() as plane:
        server = ModelServer(shout)
        await plane.serve(server)
        head = f"GET /d/chat/talk HTTP/1.1\r\nhost: a\r\n{UPGRADE}"
        for offered, seen, chosen in (
            (f"{prefix}{TOKEN}, realtime", "realtime", None),
            (f"homeport, {prefix}{TOKEN}", None, "homeport"),
        ):
            client = await plane.connect()
            client.writer.write(f"{head}sec-websocket-protocol: {offered}\r\n\r\n".encode())
            status, headers = await client.head()
            assert (status, headers.get("sec-websocket-protocol")) == (101, chosen)
            assert server.calls[-1].headers.get("sec-websocket-protocol") == seen
            assert TOKEN not in str(server.calls[-1].headers)
        client = await plane.connect()
        client.writer.write(f"{head}sec-websocket-protocol: {prefix}wrong\r\n\r\n".encode())
        assert (await client.answer())[0] == 401


REFUSED = {
    "h2c": ("connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n", 400),
    "h2c beside": ("connection: upgrade\r\nupgrade: websocket, h2c\r\n", 400),
    "other": ("connection: upgrade\r\nupgrade: tls/1.0\r\n", 501),
    "not connected": ("upgrade: websocket\r\n", 400),
    "a body": ("connection: upgrade\r\nupgrade: websocket\r\ncontent-length: 5\r\n", 400),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_other_upgrades_are_refused(case: str) -> None:
    headers, status = REFUSED[case]
    async with DataPlane() as plane:
        server = ModelServer(shout)
        await plane.serve(server)
        client = await plane.connect()
        client.send("GET", "/d/chat/talk", headers=headers)
        assert (await client.at_end()).startswith(b"HTTP/1.1 %d " % status)
        assert server.calls == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
        ACCEPTED + b"content-length: 5\r\n\r\n",
        ACCEPTED + b"transfer-encoding: chunked\r\n\r\n",
    ],
)
async def test_a_switch_to_anything_else_is_an_error(answer: bytes) -> None:
    async with DataPlane() as plane:

        async def odd(call: Call) -> None:
            call.writer.write(answer)

        await plane.serve(ModelServer(odd))
        client = await plane.connect()
        assert (await client.ask("GET", "/d/chat/talk", headers=UPGRADE))[0] == 502


async def test_a_model_that_switches_unasked_is_an_error() -> None:
    async with DataPlane() as plane:

        async def odd(call: Call) -> None:
            call.writer.write(ACCEPTED + b"\r\n")

        await plane.serve(ModelServer(odd), terms=replace(TERMS, concurrency=1))
        client = await plane.connect()
        assert (await client.ask("GET", "/d/chat/talk"))[0] == 502
