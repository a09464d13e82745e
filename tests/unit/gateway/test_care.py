"""What a caller may rely on: cancellation, holding, retries, bounded memory, honest errors."""

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import pytest

from homeport.core.policy import Policy
from tests.fakes.data_plane import TERMS, DataPlane
from tests.fakes.model_server import Call, ModelServer

CHAT = json.dumps({"model": "chat"}).encode()


def error_of(body: bytes) -> dict[str, Any]:
    error: dict[str, Any] = json.loads(body)["error"]
    return error


async def never(call: Call) -> None:
    await call.gone.wait()


def has_left(call: Call) -> bool:
    """The relay closed its connection to the model."""
    return call.reader.at_eof() or call.reader.exception() is not None


async def test_without_a_token_nothing_passes() -> None:
    async with DataPlane() as plane:
        server = ModelServer()
        await plane.serve(server)
        client = await plane.connect()
        for token in ("", "wrong", "hp1.test.other"):
            status, headers, body = await client.ask("POST", "/d/chat/", b"x", token=token)
            assert status == 401
            assert "www-authenticate" in headers
            assert error_of(body)["hint"]
        assert server.calls == []
        client.close()


async def test_an_unknown_model_is_named_with_near_matches() -> None:
    async with DataPlane() as plane:
        client = await plane.connect()
        status, _, body = await client.ask("POST", "/v1/chat/completions", b'{"model": "chta"}')
        assert status == 404
        assert "chat" in error_of(body)["hint"]
        status, _, body = await client.ask("POST", "/d/nowhere/x", b"")
        assert status == 404
        client.close()


async def test_a_model_of_several_deployments_must_be_chosen_between() -> None:
    async with DataPlane() as plane:
        plane.table.put(replace(plane.route, deployment_id="other"))
        client = await plane.connect()
        status, _, body = await client.ask("POST", "/v1/completions", b'{"model": "tiny"}')
        assert status == 409
        assert "chat, other" in error_of(body)["message"]
        await plane.serve(ModelServer())
        status, _, _ = await client.ask(
            "POST", "/v1/completions", b'{"model": "tiny"}', "x-homeport-deployment: chat\r\n"
        )
        assert status == 200
        client.close()


@pytest.mark.parametrize("begun", [False, True])
async def test_a_caller_that_leaves_ends_the_models_work(begun: bool) -> None:
    async def stream(call: Call) -> None:
        if begun:
            call.begin_chunks()
            call.chunk(b"data: 0\n\n")
        await call.gone.wait()

    async with DataPlane() as plane:
        server = ModelServer(stream)
        await plane.serve(server)
        client = await plane.connect()
        client.send("POST", "/v1/chat/completions", CHAT)
        await plane.until(lambda: len(server.calls) == 1)
        if begun:
            await client.head()
        client.close()
        await plane.until(lambda: has_left(server.calls[0]))
        await plane.until(lambda: plane.node.relay.demand("chat").in_flight == 0)
        assert plane.gateway.presences.candidates("chat")[0].in_flight == 0


async def test_requests_wait_for_a_replica_in_order_and_in_bounded_number() -> None:
    async with DataPlane() as plane:
        server = ModelServer()
        await plane.serve(terms=replace(TERMS, hold_limit=2))
        wanted: list[str] = []
        plane.node.relay.on_demand = wanted.append
        clients = [await plane.connect() for _ in range(3)]
        for number, client in enumerate(clients[:2]):
            client.send("POST", "/d/chat/", b"%d" % number)
            await plane.until(lambda number=number: plane.node.relay.demand("chat").queued == number + 1)  # type: ignore[misc]
        status, headers, body = await clients[2].ask("POST", "/d/chat/", b"2")
        assert status == 503
        assert int(headers["retry-after"]) >= 1
        assert "wait already" in error_of(body)["message"]
        assert wanted
        assert set(wanted) == {"chat"}
        await plane.serve(server, terms=replace(TERMS, hold_limit=2))
        assert [(await client.answer())[2] for client in clients[:2]] == [b"0", b"1"]
        assert [call.body for call in server.calls] == [b"0", b"1"]
        for client in clients:
            client.close()


async def test_who_waited_too_long_is_told_why() -> None:
    async with DataPlane() as plane:
        await plane.serve(terms=replace(TERMS, hold_seconds=0.2))
        plane.node.relay.unavailable_reason("chat", "replica failed: exit code 1")
        client = await plane.connect()
        status, headers, body = await client.ask("POST", "/d/chat/", b"x")
        assert (status, "retry-after" in headers) == (503, True)
        assert "exit code 1" in error_of(body)["message"]
        client.close()


async def test_with_no_node_connected_the_request_waits_for_one_and_then_gives_up() -> None:
    async with DataPlane(policy=Policy(hold_seconds=0.2)) as plane:
        client = await plane.connect()
        status, headers, body = await client.ask("POST", "/d/chat/", b"x")
        assert (status, "retry-after" in headers) == (503, True)
        assert "connected" in error_of(body)["message"]
        client.close()


async def test_a_request_that_was_parked_goes_out_when_a_node_comes() -> None:
    async with DataPlane() as plane:
        client = await plane.connect()
        client.send("POST", "/d/chat/", b"early")
        await plane.until(lambda: len(plane.gateway.active) == 1)
        await plane.serve(ModelServer())
        assert (await client.answer())[2] == b"early"
        client.close()


async def test_the_node_hears_for_how_long_a_request_was_parked() -> None:
    async with DataPlane() as plane:
        client = await plane.connect()
        client.send("POST", "/d/chat/", b"early")
        await plane.until(lambda: len(plane.gateway.active) == 1)
        parked_at = time.monotonic()
        await plane.until(lambda: time.monotonic() - parked_at > 0.05)
        await plane.serve()
        await plane.until(lambda: plane.node.relay.demand("chat").queued == 1)
        assert plane.node.relay.waited("chat").place_seconds >= 0.05
        client.close()


async def test_the_control_plane_is_asked_once_for_all_that_wait_for_a_node() -> None:
    async with DataPlane(policy=Policy(hold_seconds=60)) as plane:
        woken: list[str] = []
        plane.gateway.on_wake = woken.append
        clients = [await plane.connect() for _ in range(3)]
        for client in clients:
            client.send("POST", "/d/chat/", b"x")
        await plane.until(lambda: len(plane.gateway.active) == 3)
        assert woken == ["chat"]
        await plane.serve(ModelServer())
        for client in clients:
            assert (await client.answer())[0] == 200
        clients[0].send("POST", "/d/chat/", b"x")
        assert (await clients[0].answer())[0] == 200
        assert woken == ["chat"], "while a node is there nobody needs to be asked"


async def test_a_replica_that_dies_is_tried_once_more_elsewhere_where_that_is_safe() -> None:
    async def die(call: Call) -> None:
        call.writer.transport.abort()

    async with DataPlane(nodes=2) as plane:
        dying, sound = ModelServer(die), ModelServer()
        await plane.serve(dying, node=plane.nodes[0])
        await plane.serve(sound, node=plane.nodes[1])
        client = await plane.connect()
        status, _, body = await client.ask("POST", "/v1/chat/completions", CHAT)
        assert (status, body) == (200, CHAT)
        assert (len(dying.calls), len(sound.calls)) == (1, 1)
        status, _, body = await client.ask("POST", "/d/chat/charge-card", b"x")
        assert status == 502
        assert len(sound.calls) == 1
        status, _, _ = await client.ask("POST", "/d/chat/charge-card", b"x", "idempotency-key: 1\r\n")
        assert status == 200
        client.close()


async def test_retry_none_means_none() -> None:
    async def die(call: Call) -> None:
        call.writer.transport.abort()

    async with DataPlane(policy=Policy(retry="none"), nodes=2) as plane:
        dying, sound = ModelServer(die), ModelServer()
        await plane.serve(dying, node=plane.nodes[0])
        await plane.serve(sound, node=plane.nodes[1])
        client = await plane.connect()
        status, _, _ = await client.ask("POST", "/v1/chat/completions", CHAT)
        assert (status, len(sound.calls)) == (502, 0)
        client.close()


async def test_a_replica_that_cannot_be_reached_was_never_asked_so_any_method_goes_on() -> None:
    async with DataPlane(nodes=2) as plane:
        gone, sound = ModelServer(), ModelServer()
        await plane.serve(gone, node=plane.nodes[0])
        await plane.serve(sound, node=plane.nodes[1])
        await gone.close()
        client = await plane.connect()
        status, _, body = await client.ask("POST", "/d/chat/charge-card", b"x")
        assert (status, body) == (200, b"x")
        client.close()


async def test_after_the_first_byte_there_is_an_error_and_no_second_run() -> None:
    async def break_off(call: Call) -> None:
        call.begin_chunks()
        call.chunk(b"data: 0\n\n")
        await call.writer.drain()
        await asyncio.sleep(0.05)
        call.writer.transport.abort()

    async with DataPlane(nodes=2) as plane:
        broken, sound = ModelServer(break_off), ModelServer()
        await plane.serve(broken, node=plane.nodes[0])
        await plane.serve(sound, node=plane.nodes[1])
        client = await plane.connect()
        client.send("POST", "/v1/chat/completions", CHAT)
        answer = await client.at_end()
        assert b"data: 0\n\n" in answer
        assert b'"error"' in answer
        assert not answer.endswith(b"0\r\n\r\n"), "a cut stream must not look complete"
        assert sound.calls == []
        client.close()


async def test_a_lost_tunnel_ends_its_requests_at_both_ends() -> None:
    async with DataPlane() as plane:
        server = ModelServer(never)
        await plane.serve(server)
        client = await plane.connect()
        client.send("POST", "/d/chat/", b"x")
        await plane.until(lambda: len(server.calls) == 1)
        await plane.node.tunnels.close(0)
        status, _, body = await client.answer()
        assert status == 502
        assert error_of(body)["message"]
        await plane.until(lambda: has_left(server.calls[0]))
        assert plane.node.relay.demand("chat").in_flight == 0
        client.close()


async def test_large_bodies_pass_both_ways() -> None:
    body = bytes(range(256)) * 4096 * 8  # 8 MiB
    async with DataPlane() as plane:
        await plane.serve(ModelServer())
        client = await plane.connect()
        status, _, answer = await client.ask("POST", "/d/chat/", body)
        assert (status, answer == body) == (200, True)
        client.close()


async def test_a_slow_reader_holds_up_nobody_and_fills_no_memory() -> None:
    sent = 0

    async def pour(call: Call) -> None:
        nonlocal sent
        if call.line.startswith("POST /quick"):
            call.answer(b"quick")
            return
        call.begin_chunks("application/octet-stream")
        for _ in range(2000):
            call.chunk(bytes(64 * 1024))
            await call.writer.drain()
            sent += 64 * 1024

    async with DataPlane() as plane:
        await plane.serve(ModelServer(pour))
        slow, quick = await plane.connect(), await plane.connect()
        slow.send("POST", "/d/chat/pour", b"x")
        await slow.head()
        before = -1
        while before != sent:  # until the flow has come to rest
            before = sent
            await asyncio.sleep(0.3)
        # Credit of 64 KiB and the buffers of five sockets; the other 120 MiB stay with the model.
        assert sent < 24 * 1024 * 1024
        for _ in range(20):
            status, _, body = await quick.ask("POST", "/d/chat/quick", b"x")
            assert (status, body) == (200, b"quick")
        slow.close()
        quick.close()


async def test_the_model_name_is_what_the_model_server_expects() -> None:
    async with DataPlane(served_model_name="SmolLM2") as plane:
        server = ModelServer()
        await plane.serve(server)
        client = await plane.connect()
        for path, headers in (
            ("/v1/chat/completions", ""),
            ("/d/chat/v1/chat/completions", "content-type: application/json\r\n"),
        ):
            status, _, body = await client.ask("POST", path, b'{"model": "chat", "x": 1}', headers)
            assert (status, json.loads(body)) == (200, {"model": "SmolLM2", "x": 1})
        client.close()


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"not json", "JSON"), (b"[]", "model"), (b'{"model": null}', "model"), (b'{"model": 5}', "model")],
)
async def test_a_body_whose_model_cannot_be_read_is_refused_with_the_reason(body: bytes, says: str) -> None:
    async with DataPlane() as plane:
        client = await plane.connect()
        status, _, answer = await client.ask("POST", "/v1/chat/completions", body)
        assert status == 400
        assert says in error_of(answer)["message"]
        client.close()


async def test_a_body_too_large_to_look_into_says_how_to_name_the_deployment() -> None:
    async with DataPlane() as plane:
        plane.table.put(replace(plane.route, deployment_id="other", model_id="large"))
        client = await plane.connect()
        status, _, answer = await client.ask("POST", "/v1/chat/completions", b" " * (1024 * 1024 + 1))
        assert status == 413
        assert "header" in (error_of(answer)["message"] + error_of(answer)["hint"]).lower()
        client.close()


async def test_the_models_are_listed() -> None:
    async with DataPlane() as plane:
        client = await plane.connect()
        status, _, body = await client.ask("GET", "/v1/models")
        assert status == 200
        assert "chat" in [model["id"] for model in json.loads(body)["data"]]
        client.close()


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with DataPlane() as plane:
        await plane.serve(ModelServer())
        client = await plane.connect()
        for number in range(20):
            client.send("POST", "/d/chat/", b"%d" % number)
        assert [(await client.answer())[2] for _ in range(20)] == [b"%d" % number for number in range(20)]
        client.close()
