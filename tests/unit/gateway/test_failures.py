"""What a client sees when something on the way fails, and what a model server is told."""

import asyncio
import json
from dataclasses import replace

import pytest

from homeport.core.policy import Policy
from homeport.gateway.routing.model_field import MAX_BODY
from tests.fakes.certs import authority
from tests.fakes.data_plane import TERMS, DataPlane
from tests.fakes.model_server import Call, ModelServer, echo

CHAT = b'{"model":"chat"}'


async def hang(call: Call) -> None:
    await call.gone.wait()


async def break_off(call: Call) -> None:
    call.writer.transport.abort()


def error_of(body: bytes) -> dict[str, str]:
    found: dict[str, str] = json.loads(body)["error"]
    return found


@pytest.mark.parametrize("token", ["", "hp1.test.wrong", "nonsense", "hp1.test.secret.more"])
async def test_without_a_valid_token_nothing_gets_through(token: str) -> None:
    async with DataPlane() as plane:
        server = ModelServer()
        await plane.serve(server)
        client = await plane.connect()
        status, headers, body = await client.ask("POST", "/v1/chat/completions", CHAT, token=token)
        assert (status, error_of(body)["type"]) == (401, "authentication_error")
        assert "Bearer" in headers["www-authenticate"]
        assert server.calls == []
        status, _, body = await client.ask("GET", "/healthz", token=token)
        assert status == 200, "the same connection goes on"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("POST", "/v1/chat/completions", b'{"model":"tyni"}', 404, "tiny"),
        ("POST", "/v1/chat/completions", b"{", 400, "JSON"),
        ("POST", "/v1/chat/completions", b'{"model": 5}', 400, "model"),
        ("POST", "/v1/embeddings", b"x" * (MAX_BODY + 1), 413, "X-Homeport-Deployment"),
        ("GET", "/d/chta/x", b"", 404, "chat"),
        ("GET", "/nowhere", b"", 404, "/d/{deployment}"),
    ],
)
async def test_requests_that_lead_nowhere(method: str, path: str, body: bytes, status: int, says: str) -> None:
    async with DataPlane() as plane:
        plane.table.put(replace(plane.route, deployment_id="other", model_id="large"))
        client = await plane.connect()
        got, headers, answer = await client.ask(method, path, body)
        error = error_of(answer)
        assert got == status
        assert says in error["message"] + error["hint"]
        assert error["request_id"] == headers["x-request-id"] != ""


async def test_an_oversized_chunked_body_is_refused_while_it_comes() -> None:
    async with DataPlane() as plane:
        plane.table.put(replace(plane.route, deployment_id="other", model_id="large"))
        client = await plane.connect()
        client.writer.write(
            b"POST /v1/embeddings HTTP/1.1\r\nhost: a\r\nauthorization: Bearer hp1.test.secret\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        client.writer.write((b"40000\r\n" + b"x" * 0x40000 + b"\r\n") * 5)
        status, headers = await client.head()
        assert (status, headers["connection"]) == (413, "close")
        client.close()


async def test_the_models_own_name_is_put_into_the_body() -> None:
    async with DataPlane(served_model_name="org/tiny-1b") as plane:
        server = ModelServer()
        await plane.serve(server)
        client = await plane.connect()
        for path in ("/v1/chat/completions", "/d/chat/v1/chat/completions"):
            body = b'{"model":"chat","n":1}'
            _, _, answer = await client.ask("POST", path, body, "content-type: application/json\r\n")
            assert json.loads(answer) == {"model": "org/tiny-1b", "n": 1}


@pytest.mark.parametrize(
    ("path", "headers", "calls"), [("/v1/x", "", 2), ("/x", "", 1), ("/x", "idempotency-key: 1\r\n", 2)]
)
async def test_a_dead_replica_is_tried_again_where_that_is_safe(path: str, headers: str, calls: int) -> None:
    async with DataPlane() as plane:
        server = ModelServer(break_off)
        await plane.serve(server)
        client = await plane.connect()
        status, _, body = await client.ask("POST", f"/d/chat{path}", b"hello", headers)
        assert (status, error_of(body)["code"]) == (502, "upstream_failed")
        assert len(server.calls) == calls


async def test_the_second_try_is_the_whole_request_on_another_node() -> None:
    async with DataPlane(nodes=2) as plane:
        broken, sound = ModelServer(break_off), ModelServer()
        await plane.serve(broken)
        await plane.serve(sound, node=plane.nodes[1])
        client = await plane.connect()
        body = json.dumps({"model": "chat", "text": "x" * 200_000}).encode()
        # Both nodes must run a replica, so either may be first; the broken one never answers.
        for _ in range(4):
            status, _, answer = await client.ask("POST", "/v1/chat/completions", body)
            assert (status, answer) == (200, body)
        assert sound.calls


async def test_a_refused_request_goes_to_the_next_node_whatever_its_method() -> None:
    async with DataPlane(nodes=2) as plane:
        server = ModelServer()
        await plane.serve(terms=replace(TERMS, hold_limit=0))
        await plane.serve(server, node=plane.nodes[1])
        client = await plane.connect()
        status, _, body = await client.ask("PATCH", "/d/chat/x", b"once")
        assert (status, body, len(server.calls)) == (200, b"once", 1)


async def test_an_answer_that_breaks_off_is_never_taken_for_whole() -> None:
    async with DataPlane() as plane:

        async def half(call: Call) -> None:
            call.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
            await call.writer.drain()
            await asyncio.sleep(0.02)
            call.writer.transport.abort()

        await plane.serve(ModelServer(half))
        client = await plane.connect()
        client.send("POST", "/v1/chat/completions", CHAT)
        assert (await client.head())[0] == 200
        assert await client.at_end() == b"half"


async def test_a_stream_that_breaks_off_ends_with_an_error_event() -> None:
    async with DataPlane() as plane:
        streaming = asyncio.Event()

        async def half(call: Call) -> None:
            call.begin_chunks()
            call.chunk(b"data: 1\n\n")
            await streaming.wait()
            call.writer.transport.abort()

        await plane.serve(ModelServer(half))
        client = await plane.connect()
        client.send("POST", "/v1/chat/completions", CHAT)
        await client.head()
        assert await client.chunk() == b"data: 1\n\n"
        streaming.set()
        event = await client.chunk()
        assert error_of(event.removeprefix(b"data: "))["code"] == "upstream_failed"
        assert await client.at_end() == b"", "no last chunk: the answer is not whole"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"garbage\r\n\r\n",
    ],
)
async def test_a_malformed_answer_is_an_error(answer: bytes) -> None:
    async with DataPlane(policy=Policy(retry="none")) as plane:

        async def malformed(call: Call) -> None:
            call.writer.write(answer)

        await plane.serve(ModelServer(malformed))
        client = await plane.connect()
        status, _, body = await client.ask("POST", "/v1/chat/completions", CHAT)
        assert (status, error_of(body)["code"]) == (502, "upstream_failed")


async def test_a_request_that_takes_too_long_is_ended_at_both_ends() -> None:
    async with DataPlane(policy=Policy(request_timeout_seconds=0.01)) as plane:
        server = ModelServer(hang)
        await plane.serve(server)
        client = await plane.connect()
        status, _, body = await client.ask("POST", "/v1/chat/completions", CHAT)
        assert (status, error_of(body)["code"]) == (504, "deadline_exceeded")
        await plane.until(lambda: plane.node.relay.demand("chat").in_flight == 0)


async def test_an_agent_of_an_old_epoch_is_not_attached() -> None:
    async with DataPlane() as plane:
        plane.door.admit = lambda node_id, epoch: False
        plane.node.relay.set_deployment(TERMS)
        await asyncio.sleep(0.1)
        assert plane.gateway.presences.candidates("chat") == []


async def test_a_lost_tunnel_is_dialled_again() -> None:
    async with DataPlane() as plane:
        await plane.serve(ModelServer(echo))
        await plane.tunnel_server.close(0)
        await plane.until(lambda: plane.gateway.presences.candidates("chat") == [])
        await plane.tunnel_server.start(f"127.0.0.1:{plane.tunnel_port}", authority().gateway_tls())
        await plane.until_ready(1)
        client = await plane.connect()
        status, _, body = await client.ask("POST", "/v1/chat/completions", CHAT)
        assert (status, body) == (200, CHAT)
