import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.tunnel.envelope import wrap
from homeport.tunnel.errors import TunnelProtocolError
from homeport.tunnel.frames import DATA, END, HEADER, TRAILERS, Refusal, RefusedCode, ResetCode
from homeport.tunnel.outbox import HIGH_WATER, MAX_MESSAGE, MAX_SHARE
from homeport.tunnel.stream import INITIAL_CREDIT
from tests.fakes.link_pair import LinkPair, frames_of


def test_a_request_and_its_answer() -> None:
    pair = LinkPair()
    stream = pair.open()
    stream.send_data(b"question", True)
    pair.carry()
    peer = pair.peer(stream)
    assert (peer.opening and peer.opening.deployment_id, peer.data, peer.ended) == ("d", b"question", True)
    peer.send_head(200, 6, b"a: b\r\n", False)
    peer.send_data(b"answer", True)
    pair.carry()
    assert (stream.head, stream.data, stream.ended) == ((200, 6, b"a: b\r\n"), b"answer", True)


def test_all_frames_of_a_turn_are_one_message() -> None:
    pair = LinkPair()
    for _ in range(20):
        pair.open().send_data(b"x" * 100, True)
    assert pair.wakes == 1
    pair.carry()
    assert len(pair.messages) == 1
    assert len(pair.accepted) == 20


def test_data_never_overtakes_its_opening() -> None:
    """More than one message of OPEN frames, each followed by data that finds no room beside them."""
    pair = LinkPair()
    streams = [pair.open() for _ in range(2000)]
    for stream in streams:
        stream.send_data(b"x" * 1000, True)
    pair.carry()
    assert len(pair.messages) > 20
    assert {pair.peer(stream).data for stream in streams} == {b"x" * 1000}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 50_000)), max_size=40), st.integers(0, 3))
def test_every_request_gets_its_bytes_in_order(pieces: list[tuple[int, int]], carries: int) -> None:
    pair = LinkPair()
    streams = [pair.open() for _ in range(6)]
    sent = [b""] * 6
    for number, (which, size) in enumerate(pieces):
        data = bytes([number]) * size
        sent[which] += data
        streams[which].send_data(data, False)
        for _ in range(carries):
            pair.carry_once()
    for stream in streams:
        stream.send_data(b"", True)
    pair.carry()
    assert [pair.peer(stream).data for stream in streams] == sent
    assert all(pair.peer(stream).ended for stream in streams)
    assert all(len(frames_of(message)) <= MAX_MESSAGE for message in pair.messages)
    assert pair.gateway.outbox.unsent == 0


def test_large_data_takes_turns() -> None:
    pair = LinkPair()
    large, small = pair.open(), pair.open()
    pair.carry()
    pair.messages.clear()
    large.send_data(b"x" * INITIAL_CREDIT, True)
    small.send_data(b"y" * MAX_SHARE, True)
    pair.carry_once()
    assert _shares(pair.messages[0]) == [
        (large.request_id, MAX_SHARE),
        (small.request_id, MAX_SHARE),
    ]


def test_a_slow_reader_stops_only_its_own_request() -> None:
    pair = LinkPair()
    pair.agent_reads = False
    slow = pair.open()
    pair.carry()
    pair.agent_reads = True
    fast = pair.open()
    pair.carry()
    amount = 3 * INITIAL_CREDIT
    assert slow.send_data(b"s" * amount, True) is False
    fast.send_data(b"f" * amount, True)
    pair.carry()
    assert len(pair.peer(slow).data) == INITIAL_CREDIT
    assert (len(pair.peer(fast).data), pair.peer(fast).ended) == (amount, True)
    pair.peer(slow).consumed(INITIAL_CREDIT)
    pair.carry()
    assert len(pair.peer(slow).data) > INITIAL_CREDIT
    assert slow.room == 1, "with its queue gone down the producer may go on"


def test_an_overrun_resets_only_that_request() -> None:
    pair = LinkPair()
    pair.agent_reads = False
    greedy, other = pair.open(), pair.open()
    pair.carry()
    greedy.send_credit = 10 * INITIAL_CREDIT
    greedy.send_data(b"x" * (INITIAL_CREDIT + 1), True)
    other.send_data(b"fine", True)
    pair.carry()
    reset_by = pair.peer(greedy).reset_by
    assert reset_by is not None and reset_by[0] == ResetCode.OVERRUN
    assert greedy.reset_by is not None and greedy.reset_by[0] == ResetCode.OVERRUN
    assert (pair.peer(other).data, pair.peer(other).ended) == (b"fine", True)
    assert list(pair.gateway.streams.values()) == [other]


def test_resets_and_refusals_need_no_credit_and_end_the_request_at_both_ends() -> None:
    pair = LinkPair()
    pair.agent_reads = False
    cancelled, refused = pair.open(), pair.open()
    pair.carry()
    cancelled.send_data(b"x" * 3 * INITIAL_CREDIT, False)
    cancelled.reset(ResetCode.CANCELLED, "gone")
    pair.peer(refused).refuse(Refusal(RefusedCode.BUSY, 3, "full"))
    pair.carry()
    assert pair.peer(cancelled).reset_by == (ResetCode.CANCELLED, "gone")
    assert refused.refusal == Refusal(RefusedCode.BUSY, 3, "full")
    assert not pair.gateway.streams and not pair.agent.streams
    assert pair.gateway.outbox.unsent == 0


def test_losing_the_tunnel_resets_its_requests_at_both_ends() -> None:
    pair = LinkPair()
    streams = [pair.open() for _ in range(3)]
    pair.carry()
    for link in (pair.gateway, pair.agent):
        link.close("cable cut")
    for stream in (*streams, *pair.accepted.values()):
        assert stream.reset_by == (ResetCode.TUNNEL_LOST, "cable cut")
    assert not pair.gateway.streams and not pair.agent.streams


def test_a_tunnel_that_does_not_drain_stops_all_producers() -> None:
    pair = LinkPair()
    streams = [pair.open() for _ in range(30)]
    room = [stream.send_data(bytes(INITIAL_CREDIT), False) for stream in streams]
    assert room[-1] is False and pair.gateway.outbox.unsent > HIGH_WATER
    pair.carry()
    assert all(stream.room == 1 for stream, had in zip(streams, room, strict=True) if not had)


@given(st.lists(st.integers(1, 90_000), max_size=6), st.booleans(), st.integers(0, 3))
def test_trailers_come_behind_all_data_and_end_the_direction(sizes: list[int], busy: bool, carries: int) -> None:
    """Also where the data waits for credit, or behind that of others."""
    pair = LinkPair()
    stream, other = pair.open(), pair.open()
    if busy:
        other.send_data(b"o" * 200_000, False)
    for size in sizes:
        stream.send_data(b"x" * size, False)
        for _ in range(carries):
            pair.carry_once()
    stream.send_trailers(b"a: b\r\n")
    pair.carry()
    peer = pair.peer(stream)
    assert (len(peer.data), peer.trailers, peer.ended) == (sum(sizes), b"a: b\r\n", True)


def test_an_end_that_knows_no_trailers_still_hears_of_the_end() -> None:
    pair = LinkPair()
    stream = pair.open()
    stream.send_data(b"body", False)
    stream.send_trailers(b"a: b\r\n")
    message = pair.gateway.outbox.take()
    assert message is not None
    known = frames_of(message).replace(HEADER.pack(TRAILERS, 0, 1, 6), HEADER.pack(200, 0, 1, 6))
    message = wrap([known], len(known))
    pair.agent.feed(message, 0, len(message))
    assert (pair.peer(stream).data, pair.peer(stream).ended) == (b"body", True)


def test_frames_of_a_newer_release_are_ignored() -> None:
    pair = LinkPair()
    stream = pair.open()
    pair.carry()
    for request_id in (0, stream.request_id, 999):
        frame = HEADER.pack(77, 255, request_id, 3) + b"new"
        message = wrap([frame], len(frame))
        pair.agent.feed(message, 0, len(message))
    stream.send_data(b"still here", True)
    pair.carry()
    assert pair.peer(stream).data == b"still here"


@pytest.mark.parametrize("frames", [b"\x01", HEADER.pack(3, 0, 1, 5) + b"four", HEADER.pack(1, 0, 1, 0)])
def test_a_cut_frame_ends_the_tunnel(frames: bytes) -> None:
    message = wrap([frames], len(frames))
    with pytest.raises(TunnelProtocolError):
        LinkPair().agent.feed(message, 0, len(message))


def test_a_fault_in_one_request_leaves_the_others() -> None:
    pair = LinkPair()
    faulty, other = pair.open(), pair.open()
    pair.carry()
    pair.peer(faulty).on_data = None  # type: ignore[method-assign, assignment]
    faulty.send_data(b"x", True)
    other.send_data(b"fine", True)
    pair.carry()
    assert faulty.reset_by is not None and faulty.reset_by[0] == ResetCode.INTERNAL
    assert pair.peer(other).data == b"fine"


def _shares(message: bytes) -> list[tuple[int, int]]:
    frames, at, found = frames_of(message), 0, []
    while at < len(frames):
        kind, _, request_id, size = HEADER.unpack_from(frames, at)
        at += HEADER.size + size
        if kind in (DATA, END):
            found.append((request_id, size))
    return found
