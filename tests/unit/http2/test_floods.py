"""What clients can make the gateway's HTTP/2 do for little: each kind ends the connection, and leaves nobody behind."""

import struct
from collections.abc import Callable, Iterator

import hpack
import pytest

from homeport.http2 import errors, frames
from homeport.http2.connection import Connection
from homeport.http2.errors import Http2Error
from homeport.http2.frames import PREFACE, frame, pack_u32
from homeport.http2.header_block import Headers
from homeport.http2.stream import Stream
from homeport.http2.terms import CLIENT

# More than a connection may do at once.
TRIES = 1200
ENDED = frames.END_HEADERS | frames.END_STREAM
REQUEST: Headers = [(b":method", b"POST"), (b":scheme", b"https"), (b":path", b"/a"), (b":authority", b"a")]


class Sink:
    def __init__(self) -> None:
        self.is_over = False

    def on_headers(self, headers: Headers, last: bool) -> None:
        return

    def on_data(self, buffer: bytes, start: int, end: int, last: bool) -> None:
        return

    def on_reset(self, code: int, reason: str) -> None:
        self.is_over = True

    def on_lost(self, reason: str) -> None:
        self.is_over = True

    def on_window(self) -> None:
        return


class Front:
    """The gateway's end. Whoever gets its streams answers none."""

    def __init__(self) -> None:
        self.begun: list[tuple[Stream, Sink]] = []
        self.connection = Connection(self._begin, lambda: None, 0.0, CLIENT)
        self.hear(PREFACE + frame(frames.SETTINGS, 0, 0))

    def hear(self, data: bytes) -> None:
        self.connection.feed(data, 0.0)
        self.connection.take()

    def _begin(self, stream: Stream, headers: Headers, last: bool) -> None:
        sink = Sink()
        stream.sink = sink
        self.begun.append((stream, sink))


def block(fields: Headers | None = None) -> bytes:
    return hpack.Encoder().encode(fields or REQUEST)


def head(stream_id: int, flags: int = frames.END_HEADERS, fields: Headers | None = None) -> bytes:
    return frame(frames.HEADERS, flags, stream_id, block(fields))


def each(said: Callable[[int], bytes]) -> Iterator[bytes]:
    """With a new stream each time."""
    return (said(2 * number + 1) for number in range(TRIES))


def window(stream_id: int, size: int) -> bytes:
    return frame(frames.WINDOW_UPDATE, 0, stream_id, pack_u32(size))


def table_size(size: int) -> bytes:
    return frame(frames.SETTINGS, 0, 0, struct.pack("!HI", 1, size))


def one_stream(again: bytes) -> Iterator[bytes]:
    yield head(1)
    for _ in range(TRIES):
        yield again


FLOODS: dict[str, Iterator[bytes]] = {
    "rapid reset": each(lambda sid: head(sid) + frame(frames.RST_STREAM, 0, sid, pack_u32(8))),
    "resets that we are brought to: no window": each(lambda sid: head(sid) + window(sid, 0)),
    "resets that we are brought to: too much window": each(lambda sid: head(sid) + window(sid, 2**31 - 1)),
    "resets that we are brought to: a second head": each(lambda sid: head(sid) + head(sid)),
    "malformed requests": each(lambda sid: head(sid, ENDED, REQUEST[:2])),
    "streams over the limit": each(head),
    "heads of streams that are over": one_stream(frame(frames.RST_STREAM, 0, 1, pack_u32(8)) + head(1)),
    "continuations": iter([head(1, 0), *[frame(frames.CONTINUATION, 0, 1)] * TRIES]),
    "a head without an end": iter([head(1, 0), *[frame(frames.CONTINUATION, 0, 1, bytes(16_000))] * 3]),
    "settings": iter([table_size(size % 2 * 4096) for size in range(TRIES)]),
    "pings": iter([frame(frames.PING, 0, 0, bytes(8))] * TRIES),
    "priorities": one_stream(frame(frames.PRIORITY, 0, 1, bytes(5))),
    "frames of no known kind": one_stream(frame(0x10, 0, 0, bytes(5))),
    "data without any": one_stream(frame(frames.DATA, 0, 1)),
    "data that is padding": one_stream(frame(frames.DATA, frames.PADDED, 1, b"\x0f" + bytes(15))),
    "data of streams that are over": iter(
        [head(1), frame(frames.RST_STREAM, 0, 1, pack_u32(8)), *[frame(frames.DATA, 0, 1, b"x")] * TRIES]
    ),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_ends_its_connection_and_all_its_requests(kind: str) -> None:
    front = Front()
    with pytest.raises(Http2Error) as caught:
        for said in FLOODS[kind]:
            front.hear(said)
    assert caught.value.code == errors.ENHANCE_YOUR_CALM
    front.connection.lose("closed")
    assert len(front.begun) < TRIES
    assert [sink for _, sink in front.begun if not sink.is_over] == []


def test_an_answer_that_is_let_out_in_crumbs_ends_the_connection() -> None:
    front = Front()
    front.hear(frame(frames.SETTINGS, 0, 0, struct.pack("!HI", 4, 0)) + head(1, ENDED))
    [(stream, _)] = front.begun
    with pytest.raises(Http2Error) as caught:
        for _ in range(TRIES):
            front.hear(window(1, 1))
            assert front.connection.room(stream) == 1
            front.connection.data_header(stream, 1)
    assert caught.value.code == errors.ENHANCE_YOUR_CALM


def test_a_small_window_that_is_given_back_as_it_is_used_is_no_flood() -> None:
    front = Front()
    front.hear(frame(frames.SETTINGS, 0, 0, struct.pack("!HI", 4, 1024)) + head(1, ENDED))
    [(stream, _)] = front.begun
    for _ in range(10 * TRIES):
        front.connection.data_header(stream, 1024)
        front.hear(window(1, 1024) + window(0, 1024))
    assert front.connection.room(stream) == 1024


def test_a_bomb_of_compressed_headers_is_not_unpacked() -> None:
    front = Front()
    large = b"\x40\x01x" + hpack.hpack.encode_integer(3_000, 7) + b"y" * 3_000
    with pytest.raises(Http2Error) as caught:
        front.hear(frame(frames.HEADERS, frames.END_HEADERS, 1, bytes(large) + b"\xbe" * 10_000))
    assert caught.value.code == errors.ENHANCE_YOUR_CALM
    assert front.begun == []


def test_many_small_headers_count_by_what_they_take() -> None:
    front = Front()
    with pytest.raises(Http2Error) as caught:
        front.hear(head(1, ENDED, [*REQUEST, *[(b"a", b"")] * 600]))
    assert caught.value.code == errors.ENHANCE_YOUR_CALM


def test_sizes_of_a_table_that_change_again_and_again_are_not_all_remembered() -> None:
    front = Front()
    front.hear(head(1))
    [(stream, _)] = front.begun
    for number in range(500):
        front.hear(table_size(number % 2 * 4096))
    front.connection.send_headers(stream, [(b":status", b"200")], last=True)
    assert sum(map(len, front.connection.take())) < 32
