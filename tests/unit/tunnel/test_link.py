"""Two ends of a tunnel, with nothing between them but the bytes."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.tunnel.envelope import unwrap, wrap
from homeport.tunnel.errors import TunnelProtocolError
from homeport.tunnel.frames import DATA, HEADER, OPEN, Refusal, RefusedCode, ResetCode
from homeport.tunnel.link import Link
from homeport.tunnel.load import DeploymentLoad, pack_load
from homeport.tunnel.opening import Opening
from homeport.tunnel.outbox import MAX_MESSAGE
from homeport.tunnel.stream import INITIAL_CREDIT, Stream

OPENING = Opening("chat", 1, b"POST / HTTP/1.1\r\n", -1)


class Recorder(Stream):
    """Keeps what it hears. `reads`: whether it grants credit for what came."""

    def __init__(self, link: Link, request_id: int, reads: bool = True) -> None:
        super().__init__(link, request_id)
        self.reads = reads
        self.data = b""
        self.ended = False
        self.head: tuple[int, int, bytes] | None = None
        self.resets: list[int] = []
        self.refusals: list[Refusal] = []
        self.rooms = 0

    def on_head(self, status: int, length: int, block: bytes, last: bool) -> None:
        self.head = status, length, block

    def on_data(self, data: bytes, last: bool) -> None:
        self.data += data
        self.ended = self.ended or last
        if self.reads:
            self.consumed(len(data))

    def on_reset(self, code: int, reason: str) -> None:
        self.resets.append(code)

    def on_refused(self, refusal: Refusal) -> None:
        self.refusals.append(refusal)

    def on_send_room(self) -> None:
        self.rooms += 1


@dataclass
class Pair:
    """`pump` carries messages until both ends are silent."""

    gateway: Link = field(default_factory=lambda: Link(lambda: None, "n1"))
    agent: Link = field(default_factory=lambda: Link(lambda: None))
    accepted: dict[int, Recorder] = field(default_factory=dict)
    agent_reads: bool = True

    def __post_init__(self) -> None:
        self.agent.on_open = self._on_open

    def _on_open(self, link: Link, request_id: int, opening: Opening, last: bool) -> None:
        stream = Recorder(link, request_id, self.agent_reads)
        stream.ended = last
        link.streams[request_id] = stream
        self.accepted[request_id] = stream

    def open(self) -> tuple[Recorder, Recorder]:
        stream = Recorder(self.gateway, self.gateway.next_id())
        self.gateway.open(stream, OPENING, False)
        self.pump()
        return stream, self.accepted[stream.request_id]

    def pump(self) -> None:
        while True:
            up, down = self.agent.outbox.take(), self.gateway.outbox.take()
            for message, target in ((up, self.gateway), (down, self.agent)):
                if message is not None:
                    assert len(unwrap(message)) <= MAX_MESSAGE
                    target.feed(message)
            if up is None and down is None:
                return


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 90_000)), max_size=12))
def test_every_request_gets_its_bytes_in_order_whatever_the_others_do(sends: list[tuple[int, int]]) -> None:
    pair = Pair()
    streams = [pair.open() for _ in range(4)]
    expected = [b"" for _ in streams]
    for number, (index, size) in enumerate(sends):
        data = bytes([number + 1]) * size
        streams[index][0].send_data(data, False)
        streams[index][1].send_data(data, False)
        expected[index] += data
        if number % 2:
            pair.pump()
    for near, far in streams:
        near.send_data(b"", True)
        far.send_data(b"", True)
    pair.pump()
    for (near, far), data in zip(streams, expected, strict=True):
        assert (far.data, far.ended) == (data, True)
        assert (near.data, near.ended) == (data, True)


def test_who_does_not_read_gets_its_credit_and_holds_up_nobody() -> None:
    pair = Pair(agent_reads=False)
    slow_near, slow_far = pair.open()
    pair.agent_reads = True
    near, far = pair.open()
    assert not slow_near.send_data(bytes(1_000_000), False)
    near.send_data(bytes(1_000_000), True)
    pair.pump()
    assert len(slow_far.data) == INITIAL_CREDIT
    assert (len(far.data), far.ended) == (1_000_000, True)
    slow_far.consumed(INITIAL_CREDIT)
    pair.pump()
    assert len(slow_far.data) > INITIAL_CREDIT


def test_a_producer_that_was_stopped_is_told_to_go_on() -> None:
    pair = Pair()
    near, far = pair.open()
    assert not near.send_data(bytes(200_000), False)
    pair.pump()
    assert near.rooms == 1
    assert len(far.data) == 200_000


def test_more_than_the_credit_resets_that_request_alone() -> None:
    pair = Pair(agent_reads=False)
    greedy, greedy_far = pair.open()
    other, other_far = pair.open()
    frame = HEADER.pack(DATA, 0, greedy.request_id, INITIAL_CREDIT + 1) + bytes(INITIAL_CREDIT + 1)
    pair.agent.feed(wrap([frame], len(frame)))
    assert greedy_far.resets == [ResetCode.OVERRUN]
    pair.pump()
    assert greedy.resets == [ResetCode.OVERRUN]
    other.send_data(b"still here", True)
    pair.pump()
    assert (other_far.data, other_far.resets) == (b"still here", [])


def test_a_lost_tunnel_resets_its_requests_and_forgets_them() -> None:
    pair = Pair()
    streams = [pair.open() for _ in range(3)]
    pair.gateway.close("connection lost")
    pair.agent.close("connection lost")
    assert [stream.resets for ends in streams for stream in ends] == [[ResetCode.TUNNEL_LOST]] * 6
    assert pair.gateway.streams == pair.agent.streams == {}


def test_a_refusal_and_a_reset_end_the_request_at_both_ends() -> None:
    pair = Pair()
    near, far = pair.open()
    far.refuse(Refusal(RefusedCode.BUSY, 1, "no replica is free"))
    pair.pump()
    assert near.refusals == [Refusal(RefusedCode.BUSY, 1, "no replica is free")]
    near, far = pair.open()
    near.reset(ResetCode.CANCELLED)
    far.send_data(b"too late", False)
    pair.pump()
    assert far.resets == [ResetCode.CANCELLED]
    assert (near.data, near.resets) == (b"", [])


def test_frames_that_a_newer_release_knows_are_skipped() -> None:
    pair = Pair()
    near, far = pair.open()
    unknown = HEADER.pack(200, 255, near.request_id, 3) + b"new" + HEADER.pack(201, 0, 77, 0)
    pair.agent.feed(wrap([unknown], len(unknown)))
    near.send_data(b"x", True)
    pair.pump()
    assert (far.data, far.resets) == (b"x", [])


@pytest.mark.parametrize(
    "frames",
    [
        b"\x01",
        HEADER.pack(DATA, 0, 1, 10) + b"short",
        HEADER.pack(OPEN, 0, 1, 3) + b"bad",
    ],
)
def test_broken_frames_end_the_tunnel(frames: bytes) -> None:
    with pytest.raises(TunnelProtocolError):
        Pair().agent.feed(wrap([frames], len(frames)))


def test_presence_and_going_away_reach_the_gateway() -> None:
    pair = Pair()
    heard: list[list[DeploymentLoad]] = []
    pair.gateway.on_load = lambda _, loads: heard.append(loads)
    load = DeploymentLoad("chat", 1, ("r1",), 2, 3, 4)
    pair.agent.send_load(pack_load([load]))
    pair.agent.send_go_away()
    pair.pump()
    assert heard == [[load]]
    assert pair.gateway.going_away
