"""A replica that answers badly beside a sound one. The node's clock stands still until a test moves it."""

from functools import partial

import pytest

from agent.relay.deployment import Upstream
from tests.fakes.clock import FakeClock
from tests.fakes.data_plane import Client, DataPlane
from tests.fakes.model_server import Call, ModelServer


def answers(status: str) -> ModelServer:
    async def answer(call: Call) -> None:
        call.answer(b"", status)

    return ModelServer(answer)


def _has_calls(server: ModelServer, count: int) -> bool:
    return len(server.calls) == count


async def statuses(client: Client, count: int) -> list[int]:
    return [(await client.ask("POST", "/d/chat/x", b"hello"))[0] for _ in range(count)]


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
async def test_bad_gateways_in_a_row_take_a_replica_out_until_it_has_shown_that_it_is_well(status: str) -> None:
    clock = FakeClock()
    async with DataPlane(node_clock=clock) as plane:
        sick, sound = answers(status), answers("200 OK")
        await plane.serve(sick, sound)
        client = await plane.connect()
        bad = int(status[:3])
        assert await statuses(client, 10) == [bad] * 5 + [200] * 5, "the model's own answers, as they are"
        await plane.until_ready(1)
        clock.now += 0.5
        assert await statuses(client, 4) == [bad, 200, 200, 200], "one shows that it is not"
        clock.now += 0.5
        assert await statuses(client, 2) == [200, 200], "out for twice as long"

        async def well(call: Call) -> None:
            call.answer(b"")

        sick.handler = well
        clock.now += 0.5
        before = len(sick.calls)
        assert await statuses(client, 3) == [200] * 3
        assert len(sick.calls) == before + 3, "well again, and first in line as before"
        await plane.until_ready(2)


async def test_errors_of_the_model_are_no_reason() -> None:
    async with DataPlane() as plane:
        await plane.serve(answers("500 Internal Server Error"), answers("200 OK"))
        client = await plane.connect()
        assert await statuses(client, 12) == [500] * 12


async def test_three_that_had_no_byte_before_their_deadline_take_a_replica_out() -> None:
    clock = FakeClock()
    async with DataPlane(node_clock=clock) as plane:

        async def hang(call: Call) -> None:
            await call.gone.wait()

        hanging, sound = ModelServer(hang), answers("200 OK")
        await plane.serve(hanging, sound)
        client = await plane.connect()
        for stalled in range(1, 4):
            client.send("POST", "/d/chat/x", b"hello")
            await plane.until(partial(_has_calls, hanging, stalled))
            for request in list(plane.gateway.active):
                request.check(plane.gateway.clock() + 1000)
            assert (await client.answer())[0] == 504
            await plane.until(lambda: plane.node.relay.demand("chat").in_flight == 0)
        assert await statuses(client, 3) == [200] * 3
        assert len(hanging.calls) == 3


async def test_whoever_fails_health_checks_is_asked_only_where_nobody_else_can_be() -> None:
    async with DataPlane(nodes=2) as plane:
        home, other = answers("200 OK"), answers("200 OK")
        await plane.serve(home)
        await plane.serve(other, node=plane.nodes[1])
        client = await plane.connect()
        assert await statuses(client, 2) == [200] * 2
        assert len(home.calls) == 2

        unwell = [Upstream(f"{node.node_id}-replica-0", "127.0.0.1", server.port, is_unwell=True)
                  for node, server in zip(plane.nodes, (home, other), strict=True)]  # fmt: skip
        plane.node.relay.set_upstreams("chat", unwell[:1])
        await plane.until_ready(0)
        assert await statuses(client, 3) == [200] * 3
        assert (len(home.calls), len(other.calls)) == (2, 3), "another node has somebody who is well"

        plane.nodes[1].relay.set_upstreams("chat", unwell[1:])
        await plane.until_ready(0, plane.nodes[1])
        assert await statuses(client, 3) == [200] * 3
        assert len(home.calls) + len(other.calls) == 8, "nobody is well, and nobody waits for that"
