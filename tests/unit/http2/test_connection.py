"""Two ends without a network, and one end that hears what no proper peer says."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.http2 import errors, frames
from homeport.http2.connection import Connection
from homeport.http2.errors import Http2Error
from homeport.http2.frames import PREFACE, frame, pack_u32
from homeport.http2.header_block import Headers
from homeport.http2.header_encoder import HeaderEncoder
from homeport.http2.stream import Stream
from homeport.http2.terms import TUNNEL
from tests.fakes.pieces import cut

REQUEST: Headers = [(b":method", b"POST"), (b":scheme", b"https"), (b":path", b"/a"), (b"te", b"trailers")]
SETTINGS = frame(frames.SETTINGS, 0, 0)
HELLO = PREFACE + SETTINGS
INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 4, 5


class RecordingSink:
    def __init__(self) -> None:
        self.headers: list[tuple[Headers, bool]] = []
        self.data = bytearray()
        self.ended = False
        self.reset: int | None = None
        self.lost: str | None = None
        self.windows = 0

    def on_headers(self, headers: Headers, last: bool) -> None:
        self.headers.append((headers, last))
        self.ended = last

    def on_data(self, buffer: bytes, start: int, end: int, last: bool) -> None:
        self.data += buffer[start:end]
        self.ended = last

    def on_reset(self, code: int, reason: str) -> None:
        self.reset = code

    def on_lost(self, reason: str) -> None:
        self.lost = reason

    def on_window(self) -> None:
        self.windows += 1


class Server:
    """A server's connection and what it was asked."""

    def __init__(self, said: bytes = b"") -> None:
        self.streams: list[tuple[Stream, Headers, RecordingSink]] = []
        self.connection = Connection(self._begun, lambda: None, 0.0, TUNNEL)
        self.hear(said)

    def hear(self, data: bytes, now: float = 0.0) -> None:
        self.connection.feed(data, now)

    def said(self) -> list[tuple[int, int, int, bytes]]:
        found: list[tuple[int, int, int, bytes]] = []
        reader = frames.FrameReader(
            lambda kind, flags, sid, buffer, start, end: found.append((kind, flags, sid, buffer[start:end])), 1 << 24
        )
        reader.feed(b"".join(self.connection.take()))
        return found

    def resets(self) -> list[tuple[int, int]]:
        return [
            (sid, int.from_bytes(payload, "big")) for kind, _, sid, payload in self.said() if kind == frames.RST_STREAM
        ]

    def _begun(self, stream: Stream, headers: Headers, last: bool) -> None:
        sink = RecordingSink()
        sink.ended = last
        stream.sink = sink
        self.streams.append((stream, headers, sink))


class Pair:
    """A client and a server that hear each other when the test says so."""

    def __init__(self) -> None:
        self.server = Server()
        self.client = Connection(None, lambda: None, 0.0, TUNNEL)

    def begin(self) -> tuple[Stream, RecordingSink]:
        sink = RecordingSink()
        return self.client.begin(REQUEST, sink), sink

    def carry(self) -> None:
        while (up := b"".join(self.client.take())) or self.server.connection.out:
            if up:
                self.server.hear(up)
            down = b"".join(self.server.connection.take())
            if down:
                self.client.feed(down, 0.0)

    def send(self, stream: Stream, data: bytes) -> None:
        """From the client, as one frame."""
        self.server.hear(self.client.data_header(stream, len(data)) + data)


def headers(stream_id: int, fields: Headers | None = None, flags: int = frames.END_HEADERS) -> bytes:
    return frame(frames.HEADERS, flags, stream_id, HeaderEncoder().encode(fields or REQUEST))


def setting(key: int, value: int) -> bytes:
    return frame(frames.SETTINGS, 0, 0, struct.pack("!HI", key, value))


def test_a_question_and_an_answer() -> None:
    pair = Pair()
    stream, heard = pair.begin()
    pair.carry()
    pair.send(stream, b"question")
    their, asked, sink = pair.server.streams[0]
    assert (asked, bytes(sink.data)) == (REQUEST, b"question")
    pair.server.connection.send_headers(their, [(b":status", b"200")], last=False)
    pair.server.connection.send_headers(their, [(b"grpc-status", b"0")], last=True)
    pair.carry()
    assert heard.headers == [([(b":status", b"200")], False), ([(b"grpc-status", b"0")], True)]


def test_large_header_blocks_are_cut_and_joined() -> None:
    pair = Pair()
    pair.carry()
    fields = [*REQUEST, (b"long", b"y" * 15_000)]
    pair.client.peer.max_frame_size = 100
    pair.client.begin(fields, RecordingSink())
    assert sum(piece[3] == frames.CONTINUATION for piece in pair.client.out) > 100
    pair.carry()
    assert pair.server.streams[0][1] == fields


def test_room_is_the_smallest_of_both_windows_and_the_frame_size() -> None:
    server = Server(HELLO + headers(1))
    stream, _, sink = server.streams[0]
    connection = server.connection
    assert connection.room(stream) == 16_384
    server.hear(setting(MAX_FRAME_SIZE, 100_000))
    assert connection.room(stream) == 65_535
    server.hear(frame(frames.WINDOW_UPDATE, 0, 0, pack_u32(10_000)))
    assert connection.room(stream) == 65_535
    server.hear(frame(frames.WINDOW_UPDATE, 0, 1, pack_u32(20_000)))
    assert connection.room(stream) == 75_535
    connection.data_header(stream, 75_535)
    assert (connection.room(stream), sink.windows) == (0, 0)
    server.hear(frame(frames.WINDOW_UPDATE, 0, 0, pack_u32(1)))
    assert (connection.room(stream), sink.windows) == (1, 1)


def test_a_window_may_shrink_below_nothing_and_grow_again() -> None:
    server = Server(HELLO + headers(1))
    stream, _, sink = server.streams[0]
    server.connection.data_header(stream, 60_000)
    server.hear(setting(INITIAL_WINDOW_SIZE, 0))
    assert (stream.send_window, server.connection.room(stream)) == (-60_000, 0)
    server.hear(frame(frames.WINDOW_UPDATE, 0, 1, pack_u32(60_000)))
    assert sink.windows == 0
    server.hear(frame(frames.WINDOW_UPDATE, 0, 1, pack_u32(5)))
    assert (server.connection.room(stream), sink.windows) == (5, 1)


def test_what_has_come_is_given_back() -> None:
    pair = Pair()
    stream, _ = pair.begin()
    pair.carry()
    sent = 0
    while sent < 3 * TUNNEL.window:
        size = min(pair.client.room(stream), 100_000)
        assert size > 0, "the window was not given back in time"
        pair.send(stream, bytes(size))
        sent += size
        pair.carry()
    assert len(pair.server.streams[0][2].data) == sent


def test_a_reset_is_heard_and_what_was_on_its_way_is_ignored() -> None:
    pair = Pair()
    stream, heard = pair.begin()
    pair.carry()
    pair.server.connection.reset(pair.server.streams[0][0], errors.CANCEL)
    pair.send(stream, b"late")
    pair.carry()
    assert heard.reset == errors.CANCEL
    assert pair.server.streams[0][2].data == b""


def test_goaway_ends_the_streams_that_it_does_not_cover_and_refuses_new_ones() -> None:
    pair = Pair()
    _, first = pair.begin()
    pair.carry()
    _, second = pair.begin()
    pair.client.feed(frame(frames.GOAWAY, 0, 0, pack_u32(1) + pack_u32(errors.NO_ERROR) + b"maintenance"), 0.0)
    assert (first.reset, second.reset) == (None, errors.REFUSED_STREAM)
    with pytest.raises(Http2Error, match="maintenance"):
        pair.begin()


def test_a_leaving_server_refuses_new_streams_and_finishes_old_ones() -> None:
    server = Server(HELLO + headers(1))
    server.connection.leave(errors.NO_ERROR, "")
    server.hear(headers(3) + frame(frames.DATA, 0, 1, b"more"))
    assert (3, errors.REFUSED_STREAM) in server.resets()
    assert [sink.data for _, _, sink in server.streams] == [b"more"]


def test_losing_the_connection_ends_every_stream() -> None:
    pair = Pair()
    heard = [pair.begin()[1] for _ in range(3)]
    pair.client.lose("cable cut")
    assert [sink.lost for sink in heard] == ["cable cut"] * 3


def test_pings_are_answered_with_what_they_carry() -> None:
    server = Server(HELLO + frame(frames.PING, 0, 0, b"12345678") + frame(frames.PING, frames.ACK, 0, b"87654321"))
    assert [said for said in server.said() if said[0] == frames.PING] == [(frames.PING, frames.ACK, 0, b"12345678")]


def test_frames_of_unknown_kind_are_ignored() -> None:
    server = Server(HELLO + frame(0x77, 0xFF, 9, b"?") + headers(1))
    assert len(server.streams) == 1


def test_streams_over_the_limit_are_refused() -> None:
    server = Server(HELLO + b"".join(headers(2 * number + 1) for number in range(TUNNEL.streams + 5)))
    assert len(server.streams) == TUNNEL.streams
    assert [code for _, code in server.resets()] == [errors.REFUSED_STREAM] * 5


@pytest.mark.parametrize(
    "fields",
    [
        [(b":method", b"POST"), (b":scheme", b"https")],
        [*REQUEST, (b":path", b"/b")],
        [(b"te", b"trailers"), *REQUEST[:3]],
        [*REQUEST, (b"Upper", b"x")],
        [*REQUEST, (b"connection", b"close")],
        [*REQUEST, (b"transfer-encoding", b"chunked")],
        [*REQUEST[:3], (b"te", b"gzip")],
        [*REQUEST[:3], (b":status", b"200")],
        [*REQUEST[:2], (b":path", b"")],
        [*REQUEST, (b"", b"x")],
    ],
)
def test_malformed_requests_are_reset_and_the_connection_goes_on(fields: Headers) -> None:
    server = Server(HELLO + headers(1, fields) + headers(3))
    assert server.resets() == [(1, errors.PROTOCOL_ERROR)]
    assert [stream.stream_id for stream, _, _ in server.streams] == [3]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", errors.PROTOCOL_ERROR),
        (b"\x16\x03\x01\x02\x00", errors.PROTOCOL_ERROR),
        (PREFACE + headers(1), errors.PROTOCOL_ERROR),
        (PREFACE + frame(frames.SETTINGS, frames.ACK, 0), errors.PROTOCOL_ERROR),
        (HELLO + frames.frame_header(16 << 20 - 1, frames.DATA, 0, 1), errors.FRAME_SIZE_ERROR),
        (HELLO + frames.frame_header(TUNNEL.frame_size + 1, frames.DATA, 0, 1), errors.FRAME_SIZE_ERROR),
        (HELLO + frame(frames.DATA, 0, 0, b"x"), errors.PROTOCOL_ERROR),
        (HELLO + frame(frames.DATA, 0, 1, b"x"), errors.PROTOCOL_ERROR),
        (HELLO + headers(2), errors.PROTOCOL_ERROR),
        (HELLO + headers(0), errors.PROTOCOL_ERROR),
        (HELLO + headers(1) + headers(1, flags=frames.END_HEADERS | frames.END_STREAM), None),
        (HELLO + headers(1, flags=0) + SETTINGS, errors.PROTOCOL_ERROR),
        (HELLO + headers(1, flags=0) + frame(frames.CONTINUATION, frames.END_HEADERS, 3), errors.PROTOCOL_ERROR),
        (HELLO + frame(frames.CONTINUATION, frames.END_HEADERS, 1), errors.PROTOCOL_ERROR),
        (HELLO + frame(frames.HEADERS, frames.END_HEADERS, 1, b"\xff\xff\xff\xff\xff"), errors.COMPRESSION_ERROR),
        (HELLO + frame(frames.HEADERS, frames.END_HEADERS, 1, b"\xfe"), errors.COMPRESSION_ERROR),
        (HELLO + frame(frames.HEADERS, frames.END_HEADERS | frames.PRIORITY_FLAG, 1, b"123"), errors.FRAME_SIZE_ERROR),
        (HELLO + frame(frames.RST_STREAM, 0, 1, pack_u32(8)), errors.PROTOCOL_ERROR),
        (HELLO + headers(1) + frame(frames.RST_STREAM, 0, 1, b"123"), errors.FRAME_SIZE_ERROR),
        (HELLO + frame(frames.SETTINGS, 0, 1), errors.PROTOCOL_ERROR),
        (HELLO + frame(frames.SETTINGS, 0, 0, b"12345"), errors.FRAME_SIZE_ERROR),
        (HELLO + frame(frames.SETTINGS, frames.ACK, 0, b"123456"), errors.FRAME_SIZE_ERROR),
        (HELLO + setting(INITIAL_WINDOW_SIZE, 2**31), errors.FLOW_CONTROL_ERROR),
        (HELLO + setting(MAX_FRAME_SIZE, 16_383), errors.PROTOCOL_ERROR),
        (HELLO + setting(2, 2), errors.PROTOCOL_ERROR),
        (HELLO + frame(frames.PING, 0, 0, b"short"), errors.FRAME_SIZE_ERROR),
        (HELLO + frame(frames.PING, 0, 1, bytes(8)), errors.PROTOCOL_ERROR),
        (HELLO + frame(frames.GOAWAY, 0, 0, b"1234567"), errors.FRAME_SIZE_ERROR),
        (HELLO + frame(frames.WINDOW_UPDATE, 0, 0, pack_u32(0)), errors.PROTOCOL_ERROR),
        (HELLO + frame(frames.WINDOW_UPDATE, 0, 0, pack_u32(2**31 - 1)), errors.FLOW_CONTROL_ERROR),
        (HELLO + frame(frames.WINDOW_UPDATE, 0, 9, pack_u32(1)), errors.PROTOCOL_ERROR),
        (HELLO + frame(frames.PUSH_PROMISE, frames.END_HEADERS, 1, pack_u32(2)), errors.PROTOCOL_ERROR),
        (HELLO + frame(frames.PRIORITY, 0, 1, b"1234"), errors.FRAME_SIZE_ERROR),
        (HELLO + headers(1) + frame(frames.DATA, frames.PADDED, 1, b"\x09short"), errors.PROTOCOL_ERROR),
        (
            HELLO + headers(1) + frame(frames.DATA, frames.END_STREAM, 1) + frame(frames.DATA, 0, 1, b"x"),
            errors.STREAM_CLOSED,
        ),
        # Floods, none of which leaves more behind than it is allowed to.
        (HELLO + SETTINGS * 1100, errors.ENHANCE_YOUR_CALM),
        (HELLO + frame(frames.PING, 0, 0, bytes(8)) * 1100, errors.ENHANCE_YOUR_CALM),
        (HELLO + headers(1) + frame(frames.DATA, 0, 1) * 1100, errors.ENHANCE_YOUR_CALM),
        (HELLO + headers(1, flags=0) + frame(frames.CONTINUATION, 0, 1) * 1100, errors.ENHANCE_YOUR_CALM),
        (HELLO + headers(1, flags=0) + frame(frames.CONTINUATION, 0, 1, bytes(16_000)) * 3, errors.ENHANCE_YOUR_CALM),
        (HELLO + headers(1, [*REQUEST, (b"x", b"y" * 20_000)]), errors.ENHANCE_YOUR_CALM),
        (
            HELLO
            + b"".join(headers(2 * n + 1) + frame(frames.RST_STREAM, 0, 2 * n + 1, pack_u32(8)) for n in range(600)),
            errors.ENHANCE_YOUR_CALM,
        ),
        (HELLO + b"".join(headers(2 * n + 1) for n in range(1100)), errors.ENHANCE_YOUR_CALM),
    ],
)
def test_what_no_proper_client_says_ends_the_connection(said: bytes, code: int | None) -> None:
    server = Server()
    if code is None:
        server.hear(said)
        assert server.streams[0][2].reset == errors.PROTOCOL_ERROR, "headers in the middle of a stream are no trailers"
        return
    with pytest.raises(Http2Error) as caught:
        server.hear(said)
    assert caught.value.code == code, caught.value.message


def test_a_window_that_would_grow_too_far_resets_its_stream_alone() -> None:
    server = Server(HELLO + headers(1) + headers(3))
    server.hear(frame(frames.WINDOW_UPDATE, 0, 1, pack_u32(2**31 - 1)))
    assert server.resets() == [(1, errors.FLOW_CONTROL_ERROR)]
    assert server.streams[0][2].reset == errors.FLOW_CONTROL_ERROR
    server.hear(frame(frames.DATA, 0, 3, b"fine"))
    assert server.streams[1][2].data == b"fine"


def test_a_peer_that_asks_and_never_reads_the_answers_is_given_up() -> None:
    server = Server(HELLO)
    with pytest.raises(Http2Error) as caught:
        for second in range(100):
            server.hear(frame(frames.PING, 0, 0, bytes(8)) * 90, float(second))
    assert caught.value.code == errors.ENHANCE_YOUR_CALM
    assert len(server.connection.out) < 3000


@given(st.binary(max_size=400), st.data())
def test_garbage_behind_the_preface_never_crashes(garbage: bytes, data: st.DataObject) -> None:
    server = Server(HELLO)
    try:
        for piece in cut(garbage, data):
            server.hear(piece)
    except Http2Error:
        return


known_frames = st.builds(
    frame,
    st.integers(0, 11),
    st.sampled_from([0, 1, 4, 5, 8, 0x20, 0x25, 0x2D, 0xFF]),
    st.sampled_from([0, 1, 2, 3, 5, 2**31 - 1]),
    st.one_of(
        st.binary(max_size=40), st.just(HeaderEncoder().encode(REQUEST)), st.just(pack_u32(1)), st.just(bytes(8))
    ),
)


@settings(max_examples=300)
@given(st.lists(known_frames, max_size=30), st.data())
def test_any_frames_end_the_connection_or_are_survived(said: list[bytes], data: st.DataObject) -> None:
    server = Server(HELLO)
    try:
        for piece in cut(b"".join(said), data):
            server.hear(piece)
    except Http2Error:
        server.connection.lose("over")
    assert len(server.connection._streams) <= TUNNEL.streams
    server.said()


@settings(max_examples=200)
@given(st.lists(known_frames, max_size=30))
def test_any_answer_ends_the_connection_or_is_survived(said: list[bytes]) -> None:
    client = Connection(None, lambda: None, 0.0, TUNNEL)
    sink = RecordingSink()
    client.begin(REQUEST, sink)
    try:
        client.feed(SETTINGS + b"".join(said), 0.0)
    except Http2Error:
        client.lose("over")
        assert sink.lost or sink.reset is not None or sink.ended
