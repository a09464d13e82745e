"""Requests that were lost at a replica are found in the agent's log by their ids."""

from structlog.testing import capture_logs

from agent.relay.failure_log import FailureLog, request_id_of
from homeport.tunnel.opening import Opening
from tests.fakes.clock import FakeClock
from tests.fakes.data_plane import DataPlane
from tests.fakes.model_server import Call, ModelServer

HEAD = b"POST /x HTTP/1.1\r\naccept: */*\r\nx-request-id: abc-1\r\n"


def test_a_flood_is_cut_and_says_so() -> None:
    clock = FakeClock()
    failures = FailureLog(clock)
    with capture_logs() as said:
        for _ in range(100):
            failures.note(Opening("chat", 1, HEAD, 0), "r1", "gone")
        assert len(said) == 5
        clock.advance(1.5)
        failures.note(Opening("chat", 1, HEAD, 0), "r1", "gone")
        failures.note(Opening("chat", 1, HEAD, 0), "r1", "gone")
    assert [line.get("unsaid") for line in said] == [None] * 5 + [95, None]


def test_the_id_is_the_gateways() -> None:
    assert request_id_of(HEAD) == "abc-1"
    assert request_id_of(b"GET /x HTTP/1.1\r\n") == ""


async def test_a_request_that_a_replica_loses_is_in_the_log() -> None:
    async def die(call: Call) -> None:
        call.writer.transport.abort()

    async with DataPlane() as plane:
        await plane.serve(ModelServer(die))
        client = await plane.connect()
        with capture_logs() as said:
            status, _, _ = await client.ask("POST", "/d/chat/x", b"hello", "x-request-id: mine-7\r\n")
        assert status == 502
        [line] = [each for each in said if "request_id" in each]
        assert (line["request_id"], line["deployment"], line["replica"]) == ("mine-7", "chat", "node-1-replica-0")
