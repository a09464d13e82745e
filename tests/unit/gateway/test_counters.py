"""What a gateway counts of its requests, however they end."""

import asyncio

from homeport.gateway.telemetry.counters import Counters, DeploymentCounters
from tests.fakes.data_plane import TERMS, DataPlane
from tests.fakes.model_server import Call, ModelServer


def of_chat(plane: DataPlane) -> DeploymentCounters:
    return plane.gateway.counters.of("chat")


async def test_answers_count_by_status_with_their_bytes() -> None:
    async def handle(call: Call) -> None:
        call.answer(call.body * 2, "404 Not Found" if "missing" in call.line else "200 OK")

    async with DataPlane() as plane:
        await plane.serve(ModelServer(handle))
        client = await plane.connect()
        await client.ask("POST", "/d/chat/x", b"hello")
        await client.ask("POST", "/d/chat/missing", b"hello")
        await client.ask("POST", "/v1/chat/completions", b'{"model":"tiny"}')
        assert (await client.ask("GET", "/v1/models"))[0] == 200
        assert (await client.ask("POST", "/d/nothing/x", b"hello"))[0] == 404
        counters = of_chat(plane)
        assert counters.answered == [0, 0, 2, 0, 1, 0]
        assert (counters.request_bytes, counters.response_bytes) == (26, 52)
        assert (counters.duration.count, counters.first_byte.count, counters.stream_gap.count) == (3, 3, 0)
        assert 0 < counters.first_byte.total <= counters.duration.total
        assert (counters.in_flight, counters.disconnects, counters.broken) == (0, 0, 0)
        # A name that nobody deployed is no name of a series.
        assert list(plane.gateway.counters.all()) == ["chat"]


async def test_a_client_that_leaves_is_counted_as_one_that_left() -> None:
    async def hang(call: Call) -> None:
        if "stream" in call.line:
            call.begin_chunks()
            call.chunk(b"data: 0\n\n")
        await call.gone.wait()

    async with DataPlane() as plane:
        await plane.serve(ModelServer(hang))
        counters = of_chat(plane)
        before, during = await plane.connect(), await plane.connect()
        before.send("POST", "/d/chat/x", b"hello")
        during.send("POST", "/d/chat/stream", b"hello")
        await during.head()
        await during.chunk()
        await plane.until(lambda: counters.in_flight == 2)
        before.close()
        during.close()
        await plane.until(lambda: counters.in_flight == 0)
        assert counters.answered == [1, 0, 1, 0, 0, 0]
        assert counters.disconnects == 2
        assert counters.broken == 0


async def test_the_longest_silence_of_a_stream_is_kept() -> None:
    now = 1000.0

    async def stream(call: Call) -> None:
        waiting.append(call)
        call.begin_chunks()
        call.chunk(b"data: 0\n\n")
        await call.gone.wait()

    waiting: list[Call] = []
    async with DataPlane() as plane:
        await plane.serve(ModelServer(stream))
        plane.gateway.clock = lambda: now
        client = await plane.connect()
        client.send("POST", "/d/chat/x", b"hello")
        await client.head()
        await client.chunk()
        for seconds in (0.2, 3.0, 0.2):
            now += seconds
            waiting[0].chunk(b"data: 1\n\n")
            await client.chunk()
        waiting[0].chunk(b"")
        assert await client.chunk() == b""
        counters = of_chat(plane)
        assert counters.stream_gap.count == 1
        assert abs(counters.stream_gap.total - 3.0) < 0.001


async def test_an_answer_that_breaks_off_is_counted_and_is_no_client_that_left() -> None:
    async def break_off(call: Call) -> None:
        call.begin_chunks()
        call.chunk(b"data: 0\n\n")
        await call.writer.drain()
        call.writer.transport.abort()

    async with DataPlane() as plane:
        await plane.serve(ModelServer(break_off))
        client = await plane.connect()
        client.send("POST", "/d/chat/x", b"hello")
        await client.at_end()
        counters = of_chat(plane)
        assert (counters.broken, counters.disconnects, counters.in_flight) == (1, 0, 0)


async def test_requests_that_wait_for_a_node_and_go_from_node_to_node() -> None:
    async with DataPlane(nodes=2) as plane:
        first, second = plane.nodes
        counters = of_chat(plane)
        client = await plane.connect()
        client.send("POST", "/d/chat/x", b"hello")
        await plane.until(lambda: counters.parked == 1)
        await plane.serve(ModelServer(), node=second)
        assert (await client.answer())[0] == 200
        assert counters.parked_seconds > 0

        await plane.serve(ModelServer(), node=first)
        # It refuses from now on, and the gateway has not heard so.
        first.relay.draining = True
        assert counters.resends == 0
        assert (await client.ask("POST", "/d/chat/x", b"hello"))[0] == 200
        assert counters.resends == 1


async def test_a_lost_attempt_that_is_made_again_is_a_retry() -> None:
    asked = asyncio.Event()

    async def die_once(call: Call) -> None:
        if not asked.is_set():
            asked.set()
            call.writer.transport.abort()
        else:
            call.answer(b"ok")

    async with DataPlane() as plane:
        await plane.serve(ModelServer(die_once), terms=TERMS)
        client = await plane.connect()
        assert (await client.ask("POST", "/v1/chat/completions", b'{"model":"chat"}'))[0] == 200
        counters = of_chat(plane)
        assert (counters.retries, counters.resends) == (1, 0)
        assert counters.answered == [0, 0, 1, 0, 0, 0]


def test_nothing_is_told_of_deployments_that_are_gone() -> None:
    counters = Counters()
    kept = counters.of("chat")
    counters.of("search")
    counters.keep_only(["chat", "other"])
    assert counters.all() == {"chat": kept}
