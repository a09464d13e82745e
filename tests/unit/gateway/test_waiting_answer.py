"""Callers that asked to hear how their waiting goes, and those that did not."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from homeport.core.policy import Policy
from homeport.core.waiting import Outlook
from tests.fakes.data_plane import TERMS, Client, DataPlane
from tests.fakes.model_server import Call, ModelServer

ASKS = "x-homeport-progress: true\r\n"
CHAT = b'{"model":"chat","stream":true}'


async def events(call: Call) -> None:
    call.begin_chunks()
    call.chunk(b"data: one\n\n")
    call.chunk(b"data: two\n\n")
    call.chunk(b"")


async def refusing(call: Call) -> None:
    call.answer(b'{"error":\n{"message":"too long"}}', "400 Bad Request", "content-type: application/json\r\n")


async def test_who_asks_hears_how_its_waiting_goes_and_then_the_model() -> None:
    async with DataPlane(outlook=Outlook(0, (11.0,), 15.0)) as plane:
        await plane.serve(terms=replace(TERMS, hold_seconds=60))
        client = await plane.connect()
        client.send("POST", "/v1/chat/completions", CHAT, ASKS)
        status, headers = await client.head()
        assert (status, headers["content-type"], headers["cache-control"]) == (200, "text/event-stream", "no-store")
        assert headers["x-request-id"]
        assert await client.chunk() == b": waiting for a replica to start, about 4 s\n\n"
        server = ModelServer(events)
        await plane.serve(server)
        heard = [chunk async for chunk in _chunks(client)]
        assert b"".join(chunk for chunk in heard if not chunk.startswith(b":")) == b"data: one\n\ndata: two\n\n"
        assert "x-homeport-progress" not in server.calls[0].headers
        client.close()


async def test_nobody_else_hears_of_it() -> None:
    async with DataPlane() as plane:
        await plane.serve()
        client = await plane.connect()
        client.send("POST", "/v1/chat/completions", CHAT)
        await plane.until(lambda: plane.node.relay.demand("chat").queued == 1)
        for _ in range(3):
            plane.node.relay.tick()
        await plane.serve(ModelServer(events))
        status, _ = await client.head()
        heard = [chunk async for chunk in _chunks(client)]
        assert (status, b"".join(heard)) == (200, b"data: one\n\ndata: two\n\n")
        client.close()


async def test_a_request_that_need_not_wait_is_answered_as_ever() -> None:
    async with DataPlane() as plane:
        await plane.serve(ModelServer(refusing))
        client = await plane.connect()
        status, headers, _ = await client.ask("POST", "/v1/chat/completions", CHAT, ASKS)
        assert (status, headers["content-type"]) == (400, "application/json")
        client.close()


async def test_an_answer_that_is_no_stream_becomes_one_event() -> None:
    async with DataPlane() as plane:
        await plane.serve()
        client = await plane.connect()
        client.send("POST", "/v1/chat/completions", CHAT, ASKS)
        assert (await client.head())[0] == 200
        await plane.serve(ModelServer(refusing))
        heard = b"".join([chunk async for chunk in _chunks(client)])
        assert heard.endswith(b'data: {"error":\ndata: {"message":"too long"}}\n\n')
        client.close()


async def test_who_waits_in_vain_is_told_so_in_an_event() -> None:
    async with DataPlane() as plane:
        await plane.serve(terms=replace(TERMS, hold_seconds=1.5))
        client = await plane.connect()
        client.send("POST", "/v1/chat/completions", CHAT, ASKS)
        assert (await client.head())[0] == 200
        async with asyncio.timeout(60):
            rest = await client.reader.read()
        assert b'"code": "unavailable"' in rest
        assert not rest.endswith(b"0\r\n\r\n"), "nobody takes it for whole"
        client.close()


async def test_who_waits_for_a_node_hears_that() -> None:
    async with DataPlane() as plane:
        client = await plane.connect()
        client.send("POST", "/v1/chat/completions", CHAT, ASKS)
        assert (await client.head())[0] == 200
        assert await client.chunk() == b": waiting for a node to connect\n\n"
        client.close()


async def test_a_request_may_wait_less_than_its_deployment_allows() -> None:
    async with DataPlane(policy=Policy(hold_seconds=600)) as plane:
        await plane.serve(terms=replace(TERMS, hold_seconds=600))
        client = await plane.connect()
        status, headers, body = await client.ask("POST", "/d/chat/", b"x", "x-homeport-timeout: 0.2\r\n")
        assert status in (503, 504), "whoever looks first: the node's queue, or the gateway"
        assert status == 504 or "no replica is ready within 0." in json.loads(body)["error"]["message"]
        assert status == 504 or headers["retry-after"] == "15"
        client.close()


@pytest.mark.parametrize("header", ["x-homeport-timeout", "x-request-timeout"])
@pytest.mark.parametrize("given", ["soon", "-1", "nan", "1e9"])
async def test_a_deadline_that_is_none_is_refused(header: str, given: str) -> None:
    async with DataPlane() as plane:
        client = await plane.connect()
        status, _, body = await client.ask("POST", "/d/chat/", b"x", f"{header}: {given}\r\n")
        assert (status, json.loads(body)["error"]["code"]) == (400, "invalid_argument")
        client.close()


async def _chunks(client: Client) -> AsyncIterator[bytes]:
    while chunk := await client.chunk():
        yield chunk
