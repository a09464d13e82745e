import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.relay.deployment import DeploymentRelay, Upstream
from agent.relay.relay import Relay
from homeport.core.history.cold_start import StartParts
from homeport.core.waiting import Outlook
from homeport.tunnel.envelope import wrap
from homeport.tunnel.frames import Progress, RefusedCode, ResetCode
from homeport.tunnel.link import Link
from homeport.tunnel.opening import Opening
from tests.fakes.clock import FakeClock
from tests.fakes.link_pair import RecordingStream
from tests.fakes.model_server import Call, ModelServer

TERMS = DeploymentRelay("chat", 1, 0, 1, 2, 1, 30.0, 3, 60.0, "")


class Gate:
    """A model server that answers a call when the test says so."""

    def __init__(self) -> None:
        self.server = ModelServer(self._handle)
        self.arrived: asyncio.Queue[tuple[Call, asyncio.Event]] = asyncio.Queue()

    async def _handle(self, call: Call) -> None:
        release = asyncio.Event()
        self.arrived.put_nowait((call, release))
        await release.wait()
        call.answer(call.body)

    async def next(self) -> tuple[bytes, asyncio.Event]:
        call, release = await asyncio.wait_for(self.arrived.get(), 60)
        return call.body, release


class Bench:
    """A relay and a gateway's end of one tunnel."""

    def __init__(self, terms: DeploymentRelay = TERMS, now: Callable[[], float] = time.monotonic) -> None:
        self.outlook = Outlook()
        self.relay = Relay(now, lambda deployment_id: self.outlook)
        self.relay.set_deployment(terms)
        self.gateway = Link(lambda: None)
        self.agent = Link(lambda: None)
        self.relay.add_link(self.agent)

    def ask(
        self,
        body: bytes = b"x",
        hold: bool = True,
        remaining_ms: int = 0,
        tenant: str = "",
        asks: bool = False,
        parked_ms: int = 0,
        drain: bool = False,
    ) -> RecordingStream:
        stream = RecordingStream(self.gateway, self.gateway.next_id())
        head = b"POST /x HTTP/1.1\r\n"
        opening = Opening(
            "chat",
            1,
            head,
            len(body),
            remaining_ms,
            hold,
            tenant=tenant,
            wants_progress=asks,
            parked_ms=parked_ms,
            drain=drain,
        )
        self.gateway.open(stream, opening, False)
        stream.send_data(body, True)
        self.carry()
        return stream

    def carry(self) -> None:
        for source, target in ((self.gateway, self.agent), (self.agent, self.gateway)):
            while (message := source.outbox.take()) is not None:
                target.feed(message, 0, len(message))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.002)
                self.carry()

    async def until_over(self, stream: RecordingStream) -> None:
        async with asyncio.timeout(60):
            while not (stream.ended or stream.refusal or stream.reset_by):
                await asyncio.sleep(0.002)
                self.carry()


def upstream(server: ModelServer, replica_id: str = "r1") -> Upstream:
    return Upstream(replica_id, "127.0.0.1", server.port)


@pytest.fixture
async def gate() -> object:
    gate = Gate()
    await gate.server.start()
    yield gate
    await gate.server.close()


async def test_waiting_requests_run_in_the_order_in_which_they_came(gate: Gate) -> None:
    bench = Bench()
    asked: list[str] = []
    bench.relay.on_demand = asked.append
    streams = [bench.ask(body) for body in (b"1", b"2", b"3")]
    demand = bench.relay.demand("chat")
    assert (demand.in_flight, demand.queued, demand.arrivals, demand.completions) == (0, 3, 3, 0)
    assert demand.oldest_wait_seconds > 0
    await asyncio.sleep(0)
    assert asked == ["chat"], "once per turn"
    bench.relay.set_upstreams("chat", [upstream(gate.server)])
    for body in (b"1", b"2", b"3"):
        arrived, release = await gate.next()
        assert arrived == body
        assert gate.arrived.empty(), "one at a time is the replica's concurrency"
        release.set()
        await bench.until_over(streams[int(body) - 1])
    assert [stream.data for stream in streams] == [b"1", b"2", b"3"]
    demand = bench.relay.demand("chat")
    assert (demand.in_flight, demand.queued, demand.arrivals, demand.completions) == (0, 0, 3, 3)
    assert demand.oldest_wait_seconds == 0


async def test_a_start_has_the_wait_of_the_oldest_behind_it_and_what_that_was_parked_for() -> None:
    clock = FakeClock()
    bench = Bench(now=clock)
    assert bench.relay.waited("chat") == bench.relay.waited("other") == StartParts()
    bench.ask(tenant="a", parked_ms=1500)
    clock.advance(2)
    bench.ask(tenant="b")
    clock.advance(1)
    assert bench.relay.waited("chat") == StartParts(queue_seconds=3.0, place_seconds=1.5)


async def test_the_queue_is_bounded() -> None:
    bench = Bench()
    streams = [bench.ask() for _ in range(4)]
    assert [stream.refusal.code if stream.refusal else 0 for stream in streams] == [0, 0, 0, RefusedCode.QUEUE_FULL]
    assert bench.relay.demand("chat").arrivals == 3, "what is refused is no demand on this node"


async def test_a_flood_gives_way_to_others_and_is_served_no_sooner(gate: Gate) -> None:
    bench = Bench()
    flood = [bench.ask(b"flood", tenant="a") for _ in range(3)]
    quiet = bench.ask(b"quiet", tenant="b")
    assert [stream.refusal is not None for stream in (*flood, quiet)] == [False, False, True, False]
    assert flood[2].refusal is not None and flood[2].refusal.code == RefusedCode.QUEUE_FULL
    bench.relay.set_upstreams("chat", [upstream(gate.server)])
    for body, stream in ((b"flood", flood[0]), (b"quiet", quiet), (b"flood", flood[1])):
        arrived, release = await gate.next()
        assert arrived == body
        release.set()
        await bench.until_over(stream)


async def test_who_is_sent_away_hears_when_it_is_worth_while() -> None:
    bench = Bench(replace(TERMS, hold_limit=0))
    for outlook, seconds in ((Outlook(), 15), (Outlook(0, (16.0,), 20.0), 4), (Outlook(0, (-30.0,), 60.0), 90)):
        bench.outlook = outlook
        stream = bench.ask()
        assert stream.refusal is not None and stream.refusal.retry_after_seconds == seconds


async def test_who_asks_hears_how_its_waiting_goes_when_there_is_news() -> None:
    clock = FakeClock()
    bench = Bench(now=clock)
    bench.outlook = Outlook(0, (11.0,), 15.0)
    asking, silent = bench.ask(asks=True), bench.ask()

    def heard(seconds: float, outlook: Outlook) -> list[Progress]:
        clock.now += seconds
        bench.outlook = outlook
        bench.relay.tick()
        bench.carry()
        news, asking.progress[:] = list(asking.progress), []
        return news

    assert heard(0.0, bench.outlook) == [Progress(4, "waiting for a replica to start")]
    assert heard(0.3, Outlook(0, (11.3,), 15.0)) == []
    assert heard(0.7, Outlook(0, (12.0,), 15.0)) == [Progress(3, "waiting for a replica to start")]
    assert heard(8.0, Outlook(0, (12.0,), 15.0)) == []
    assert len(heard(2.0, Outlook(0, (12.0,), 15.0))) == 1, "said again, so that nobody takes it for dead"
    assert silent.progress == []


async def test_without_leave_to_wait_a_request_goes_elsewhere_at_once() -> None:
    bench = Bench()
    stream = bench.ask(hold=False)
    assert stream.refusal is not None and stream.refusal.code == RefusedCode.BUSY


async def test_who_waits_for_what_leaves_the_node_goes_elsewhere_at_once() -> None:
    bench = Bench()
    waiting = bench.ask()
    bench.relay.set_deployment(replace(TERMS, min_replicas=0, max_replicas=0))
    bench.carry()
    late = bench.ask()
    assert [each.refusal.code for each in (waiting, late) if each.refusal] == [RefusedCode.DRAINING] * 2
    assert bench.relay.demand("chat").queued == 0


@pytest.mark.parametrize(("hold_seconds", "remaining_ms"), [(0.01, 0), (30.0, 10)])
async def test_a_deadline_ends_the_wait_with_the_reason(hold_seconds: float, remaining_ms: int) -> None:
    bench = Bench(DeploymentRelay("chat", 1, 0, 1, 2, 1, hold_seconds, 3, 60.0, ""))
    bench.relay.unavailable_reason("chat", "crash loop: exit code 1")
    stream = bench.ask(remaining_ms=remaining_ms)
    await bench.until_over(stream)
    assert stream.refusal is not None
    assert stream.refusal.code == RefusedCode.EXPIRED
    assert "crash loop: exit code 1" in stream.refusal.reason
    assert stream.refusal.retry_after_seconds > 0
    assert bench.relay.demand("chat").queued == 0


async def test_a_waiting_request_that_is_cancelled_leaves_the_queue(gate: Gate) -> None:
    bench = Bench()
    first, second = bench.ask(b"1"), bench.ask(b"2")
    bench.gateway.close("lost")
    bench.agent.close("lost")
    assert first.reset_by and second.reset_by
    assert bench.relay.demand("chat").queued == 0
    bench.relay.set_upstreams("chat", [upstream(gate.server)])
    await asyncio.sleep(0)
    assert gate.arrived.empty()


async def test_the_least_busy_replica_is_chosen(gate: Gate) -> None:
    other = Gate()
    await other.server.start()
    bench = Bench(DeploymentRelay("chat", 1, 0, 1, 2, 3, 30.0, 3, 60.0, ""))
    bench.relay.set_upstreams("chat", [upstream(gate.server), upstream(other.server, "r2")])
    streams = [bench.ask() for _ in range(4)]
    releases = [(await which.next())[1] for which in (gate, gate, other, other)]
    for release in releases:
        release.set()
    for stream in streams:
        await bench.until_over(stream)
    await other.server.close()


async def test_a_draining_replica_takes_nothing_new_and_finishes(gate: Gate) -> None:
    bench = Bench()
    bench.relay.set_upstreams("chat", [upstream(gate.server)])
    running = bench.ask(b"old")
    _, release = await gate.next()
    drained = asyncio.ensure_future(bench.relay.drain_upstream("chat", "r1"))
    await asyncio.sleep(0)
    late = bench.ask(b"new", hold=False)
    assert late.refusal is not None and late.refusal.code == RefusedCode.BUSY
    assert not drained.done()
    release.set()
    await bench.until_over(running)
    assert running.data == b"old"
    await asyncio.wait_for(drained, 60)


async def test_the_tokens_of_answers_are_counted() -> None:
    async def answer(call: Call) -> None:
        call.answer(b'{"usage":{"completion_tokens":7}}', headers="content-type: application/json\r\n")

    server = ModelServer(answer)
    await server.start()
    bench = Bench()
    bench.relay.set_upstreams("chat", [upstream(server)])
    for _ in range(2):
        await bench.until_over(bench.ask())
    assert bench.relay.demand("chat").tokens == 14
    await server.close()


async def test_a_dead_replica_is_passed_over_while_nothing_was_sent(gate: Gate) -> None:
    bench = Bench()
    dead = ModelServer()
    await dead.start()
    await dead.close()
    bench.relay.set_upstreams("chat", [upstream(dead, "dead"), upstream(gate.server)])
    stream = bench.ask(b"hello")
    _, release = await gate.next()
    release.set()
    await bench.until_over(stream)
    assert stream.data == b"hello"


async def test_no_replica_that_answers_is_a_refusal() -> None:
    bench = Bench()
    dead = ModelServer()
    await dead.start()
    await dead.close()
    bench.relay.set_upstreams("chat", [upstream(dead)])
    stream = bench.ask(hold=False)
    await bench.until_over(stream)
    assert stream.refusal is not None and stream.refusal.code == RefusedCode.UNREACHABLE


async def test_an_unknown_deployment_and_a_stopping_agent_refuse() -> None:
    bench = Bench()
    bench.relay.remove_deployment("chat")
    stream = bench.ask()
    assert stream.refusal is not None and stream.refusal.code == RefusedCode.UNKNOWN_DEPLOYMENT
    bench.relay.set_deployment(TERMS)
    bench.relay.go_away()
    stream = bench.ask()
    assert stream.refusal is not None and stream.refusal.code == RefusedCode.DRAINING
    assert bench.gateway.going_away


async def test_a_request_that_waits_when_its_deployment_leaves_is_refused() -> None:
    bench = Bench()
    stream = bench.ask()
    bench.relay.remove_deployment("chat")
    bench.carry()
    assert stream.refusal is not None and stream.refusal.code == RefusedCode.UNKNOWN_DEPLOYMENT


async def test_load_tells_what_is_ready_and_busy(gate: Gate) -> None:
    bench = Bench()
    heard: list[object] = []
    bench.gateway.on_load = lambda link, loads: heard.append(loads)
    bench.relay.set_upstreams("chat", [upstream(gate.server)])
    bench.ask()
    bench.ask()
    _, release = await gate.next()
    bench.relay.tick()
    bench.carry()
    load = heard[-1][0]  # type: ignore[index]
    assert (load.ready, load.in_flight, load.queued, load.capacity) == (("r1",), 1, 1, 1)
    release.set()


async def test_garbage_frames_end_nothing_but_the_tunnel() -> None:
    bench = Bench()
    with pytest.raises(Exception, match="cut off"):
        bench.agent.feed(wrap([b"\x01"], 1), 0, 3)


async def test_a_request_whose_replica_cannot_be_reached_waits_for_the_next(gate: Gate) -> None:
    bench = Bench()
    dead = ModelServer()
    await dead.start()
    await dead.close()
    bench.relay.set_upstreams("chat", [upstream(dead)])
    stream = bench.ask(b"hello")
    await bench.until(lambda: bench.relay.demand("chat").queued == 1)
    bench.relay.set_upstreams("chat", [upstream(gate.server, "r2")])
    _, release = await gate.next()
    release.set()
    await bench.until_over(stream)
    assert stream.data == b"hello"
    demand = bench.relay.demand("chat")
    assert (demand.arrivals, demand.completions) == (1, 1)


async def test_who_comes_back_from_a_dead_replica_waits_no_longer_than_others() -> None:
    clock = FakeClock()
    bench = Bench(replace(TERMS, hold_seconds=5.0), clock)
    dead = ModelServer()
    await dead.start()
    await dead.close()
    bench.relay.set_upstreams("chat", [upstream(dead)])
    stream = bench.ask(b"hello")
    await bench.until(lambda: bench.relay.demand("chat").queued == 1)
    clock.now += 6.0
    bench.relay.tick()
    await bench.until_over(stream)
    assert stream.refusal is not None and stream.refusal.code == RefusedCode.EXPIRED


async def test_the_deadline_holds_while_the_model_works(gate: Gate) -> None:
    clock = FakeClock()
    bench = Bench(now=clock)
    bench.relay.set_upstreams("chat", [upstream(gate.server)])
    stream = bench.ask(b"slow", remaining_ms=2000)
    _, release = await gate.next()
    clock.now += 1.9
    bench.relay.tick()
    bench.carry()
    assert not stream.reset_by
    clock.now += 0.2
    bench.relay.tick()
    bench.carry()
    assert stream.reset_by == (ResetCode.TIMEOUT, "the request's deadline has passed")
    assert bench.relay.demand("chat").in_flight == 0
    release.set()


@pytest.mark.parametrize(
    ("drains", "code", "is_finished"),
    [
        (True, ResetCode.CANCELLED, True),
        (True, ResetCode.TIMEOUT, False),
        (False, ResetCode.CANCELLED, False),
    ],
)
async def test_what_becomes_of_a_request_that_nobody_waits_for(
    gate: Gate, drains: bool, code: ResetCode, is_finished: bool
) -> None:
    bench = Bench()
    bench.relay.set_upstreams("chat", [upstream(gate.server)])
    stream = bench.ask(b"long", drain=drains)
    _, release = await gate.next()
    stream.reset(code)
    bench.carry()
    assert bench.agent.streams == {}
    assert bench.relay.demand("chat").in_flight == int(is_finished), "it keeps its place while the model works"
    release.set()
    await bench.until(lambda: bench.relay.demand("chat").in_flight == 0)
    assert bench.relay.demand("chat").answered == int(is_finished)


async def test_a_drained_answer_ends_with_its_deadline_at_the_latest(gate: Gate) -> None:
    clock = FakeClock()
    bench = Bench(now=clock)
    bench.relay.set_upstreams("chat", [upstream(gate.server)])
    stream = bench.ask(b"long", drain=True, remaining_ms=2000)
    _, release = await gate.next()
    stream.reset(ResetCode.CANCELLED)
    bench.carry()
    assert bench.relay.demand("chat").in_flight == 1
    clock.now += 2.1
    bench.relay.tick()
    demand = bench.relay.demand("chat")
    assert (demand.in_flight, demand.completions, demand.answered) == (0, 1, 0)
    release.set()
