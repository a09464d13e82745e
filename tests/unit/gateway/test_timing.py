"""Where a request's time went, for callers who ask and may know."""

import re

import pytest

from homeport.core.access.grants import Grant, Grants
from homeport.core.access.role import Role
from homeport.core.access.scope import ORGANISATION
from homeport.tunnel.hop_timing import HopTiming, take_timing, timing_line
from tests.fakes.data_plane import DataPlane, TestPrincipal
from tests.fakes.model_server import Call, ModelServer

ASK = "x-homeport-timing: true\r\n"
INVOKER = "hp1.invoker.secret"


def durations(header: str) -> dict[str, float]:
    return {name: float(milliseconds) for name, milliseconds in re.findall(r"(\w+);dur=([\d.]+)", header)}


async def test_a_caller_that_may_see_the_deployment_is_told() -> None:
    async with DataPlane() as plane:
        server = ModelServer()
        await plane.serve(server)
        client = await plane.connect()
        _, headers, body = await client.ask("POST", "/d/chat/x", b"hello", ASK)
        assert body == b"hello"
        assert list(durations(headers["server-timing"])) == ["gateway", "parked", "tunnel", "hold", "model"]
        assert "hp-timing" not in headers
        assert "x-homeport-timing" not in server.calls[0].headers
        _, headers, _ = await client.ask("POST", "/d/chat/x", b"hello")
        assert {"server-timing", "hp-timing"}.isdisjoint(headers)
        # Nobody is told of an answer that is the gateway's own, or of other ways to ask.
        for path, ask in (("/v1/models", ASK), ("/d/chat/x", "x-homeport-timing: 1\r\n")):
            _, headers, _ = await client.ask("GET", path, headers=ask)
            assert "server-timing" not in headers


async def test_a_caller_that_may_only_invoke_is_not_told_and_gets_its_answer() -> None:
    async with DataPlane() as plane:
        await plane.serve(ModelServer())
        plane.principals[INVOKER] = TestPrincipal("invoker", Grants((Grant(Role.INVOKER, ORGANISATION),)))
        client = await plane.connect()
        status, headers, _ = await client.ask("POST", "/d/chat/x", b"hello", ASK, token=INVOKER)
        assert status == 200
        assert "server-timing" not in headers


async def test_waiting_at_the_node_is_told_apart_from_the_model() -> None:
    async with DataPlane() as plane:
        asked: list[Call] = []

        async def answer_later(call: Call) -> None:
            asked.append(call)

        node, server = plane.node, ModelServer(answer_later)
        await plane.serve()
        client = await plane.connect()
        client.send("POST", "/d/chat/x", b"hello", ASK)
        await plane.until(lambda: node.relay.demand("chat").queued == 1)
        await plane.serve(server)
        await plane.until(lambda: len(asked) == 1)
        asked[0].answer(b"done")
        _, headers = await client.head()
        found = durations(headers["server-timing"])
        assert found["hold"] > 0
        assert found["model"] > 0
        assert found["parked"] == 0


async def test_a_model_cannot_tell_times_in_the_nodes_name() -> None:
    async def lie(call: Call) -> None:
        call.answer(b"ok", headers="hp-timing: hold=0;upstream=0;replica=lie\r\n")

    async with DataPlane() as plane:
        await plane.serve(ModelServer(lie))
        client = await plane.connect()
        for ask in ("", ASK):
            _, headers, _ = await client.ask("POST", "/d/chat/x", b"hello", ask)
            assert "hp-timing" not in headers
            assert "lie" not in str(headers)


async def test_a_node_of_an_older_release_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.relay.relay.HopClock", lambda monotonic: None)
    async with DataPlane() as plane:
        await plane.serve(ModelServer())
        client = await plane.connect()
        _, headers, _ = await client.ask("POST", "/d/chat/x", b"hello", ASK)
        assert list(durations(headers["server-timing"])) == ["gateway", "parked", "node"]


def test_the_line_between_node_and_gateway() -> None:
    timing = HopTiming(0.25, 12.000001, "r-1")
    rest = b"content-type: text/plain\r\n"
    assert take_timing(timing_line(timing) + rest) == (timing, rest)
    for strange in (b"", rest, rest + timing_line(timing), b"hp-timing: hold=-1;upstream=1;replica=x\r\n"):
        assert take_timing(strange) == (None, strange)
