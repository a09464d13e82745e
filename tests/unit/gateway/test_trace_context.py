"""Trace context goes on as it came, or not at all."""

import pytest

from homeport.gateway.telemetry.trace_context import take_trace
from tests.fakes.data_plane import DataPlane
from tests.fakes.model_server import ModelServer

TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"
GOOD = b"00-" + TRACE + b"-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    "value",
    [
        GOOD,
        GOOD[:-2] + b"00",
        b"cc" + GOOD[2:],
        b"cc" + GOOD[2:] + b"-what-comes-one-day",
    ],
)
def test_a_valid_one_is_not_touched(value: bytes) -> None:
    fields = [(b"a", b"1"), (b"traceparent", value), (b"tracestate", b"rojo=00f067aa0ba902b7")]
    assert take_trace(fields) == (TRACE.decode(), fields)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        GOOD.upper(),
        GOOD + b"-more",
        GOOD[:-1],
        b"ff" + GOOD[2:],
        b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
        b"00-" + TRACE + b"-0000000000000000-01",
        b"cc" + GOOD[2:] + b"x",
        b"cc" + GOOD[2:] + b"-\x00",
        b"garbage",
    ],
)
def test_of_an_invalid_one_nothing_goes_on(value: bytes) -> None:
    assert take_trace([(b"tracestate", b"a=1"), (b"b", b"2"), (b"traceparent", value)]) == ("", [(b"b", b"2")])


def test_two_of_them_are_none_and_a_state_alone_is_none() -> None:
    assert take_trace([(b"traceparent", GOOD), (b"traceparent", GOOD)]) == ("", [])
    assert take_trace([(b"tracestate", b"a=1")]) == ("", [])


async def test_the_model_gets_it_as_the_client_sent_it() -> None:
    async with DataPlane() as plane:
        server = ModelServer()
        await plane.serve(server)
        client = await plane.connect()
        await client.ask("POST", "/d/chat/x", b"1", f"traceparent: {GOOD.decode()}\r\ntracestate: a=1,b=2\r\n")
        await client.ask("POST", "/d/chat/x", b"2", "traceparent: nonsense\r\ntracestate: a=1\r\n")
        await client.ask("POST", "/d/chat/x", b"3")
        given, broken, none = (call.headers for call in server.calls)
        assert (given["traceparent"], given["tracestate"]) == (GOOD.decode(), "a=1,b=2")
        assert {"traceparent", "tracestate"}.isdisjoint(broken | none)
