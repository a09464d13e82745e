"""What was read before is read the same way again, or anew: with and without memory, the outcome must not differ."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.http1.errors import ProtocolError
from homeport.http1.head import RequestHead, ResponseHead
from homeport.http1.known_heads import KnownHeads
from homeport.http1.remembered import Remembered
from homeport.http1.request_parser import parse_request_head
from homeport.http1.request_reader import RequestReader
from homeport.http1.response_reader import ResponseReader
from tests.fakes.pieces import cut
from tests.unit.http1.test_refused_requests import REFUSED

Event = tuple[object, ...]

REQUESTS = [
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 5\r\nX: y\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nX-ontent-Length: 5\r\nContent-Length: 5\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nX: ontent-length: 7\r\nContent-Length: 7\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
]
RESPONSES = [
    b"HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ncontent-length: 5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
    b"HTTP/1.1 200 OK\nContent-Length: 5\n\nab\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
]
lengths = st.sampled_from(
    [b"", b"0", b"3", b"5", b"05", b"7", b"+5", b"5 ", b" 5", b"5,5", b"0x5", b"9" * 19, b"5\r\nX: 1"]
)
names = st.sampled_from([b"Content-Length", b"content-length", b"CONTENT-LENGTH", b"X-ontent-Length", b"X"])


@st.composite
def heads(draw: st.DrawFn, kept: list[bytes]) -> bytes:
    """One of them as it is, with other digits, with a line more, or with a byte changed."""
    head = draw(st.sampled_from(kept))
    change = draw(st.integers(0, 3))
    if change == 1:
        start = head.lower().find(b"ength: ") + 7
        head = head[:start] + draw(lengths) + head[head.find(b"\r", start) :]
    elif change == 2:
        line = draw(names) + b": " + draw(lengths) + b"\r\n"
        head = head[:-2] + line + b"\r\n"
    elif change == 3:
        at = draw(st.integers(0, len(head) - 1))
        head = head[:at] + bytes([draw(st.integers(0, 255))]) + head[at + 1 :]
    return head


class Recorder:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_request(self, head: RequestHead, length: int) -> None:
        self.events.append(
            (head.method, head.target, tuple(head.fields), head.keep_alive, head.expects_continue, length)
        )

    def on_body(self, data: bytes, last: bool) -> None:
        self._body(data, last)

    def on_response(self, head: ResponseHead, length: int, last: bool) -> None:
        self.events.append((head.status, tuple(head.fields), head.keep_alive, length, last))

    def on_response_body(self, data: bytes, last: bool) -> None:
        self._body(data, last)

    def on_trailers(self, block: bytes) -> None:
        self.events.append(("trailers", block))

    def on_response_trailers(self, block: bytes) -> None:
        self.events.append(("trailers", block))

    def _body(self, data: bytes, last: bool) -> None:
        """Joined: pieces may be cut differently."""
        if self.events and self.events[-1][0] == "body":
            data = bytes(self.events.pop()[1]) + data  # type: ignore[call-overload]
        self.events.append(("body", data, last))


def read_request(pieces: list[bytes], known: KnownHeads[RequestHead]) -> list[Event]:
    recorder = Recorder()
    reader = RequestReader(recorder, known)
    try:
        for piece in pieces:
            reader.feed(piece)
            for _ in range(3):
                if reader.complete:
                    reader.next()
    except ProtocolError as error:
        recorder.events.append(("refused", error.status))
    return recorder.events


def read_response(pieces: list[bytes], known: KnownHeads[ResponseHead]) -> list[Event]:
    recorder = Recorder()
    reader = ResponseReader(known)
    reader.expect(recorder, head_only=False)
    try:
        for piece in pieces:
            reader.feed(piece)
    except ProtocolError as error:
        recorder.events.append(("refused", error.status))
    else:
        recorder.events.append(("reusable", reader.reusable))
    return recorder.events


def warm_requests() -> KnownHeads[RequestHead]:
    known: KnownHeads[RequestHead] = KnownHeads()
    for head in REQUESTS:
        read_request([head], known)
    return known


def warm_responses() -> KnownHeads[ResponseHead]:
    known: KnownHeads[ResponseHead] = KnownHeads()
    for head in RESPONSES:
        read_response([head + b"abcde"], known)
    return known


@given(
    st.lists(st.tuples(heads(REQUESTS), st.sampled_from([b"", b"abc", b"abcde", b"0\r\n\r\n"])), max_size=3), st.data()
)
def test_requests_are_read_as_if_for_the_first_time(sent: list[tuple[bytes, bytes]], data: st.DataObject) -> None:
    pieces = cut(b"".join(head + body for head, body in sent), data)
    known = warm_requests()
    assert read_request(pieces, known) == read_request(pieces, KnownHeads())
    assert read_request(pieces, known) == read_request(pieces, KnownHeads()), "nor does what was learnt now matter"


@settings(max_examples=500)
@given(heads(RESPONSES), st.sampled_from([b"", b"abc", b"abcde", b"abcdef", b"0\r\n\r\n"]), st.data())
def test_responses_are_read_as_if_for_the_first_time(head: bytes, body: bytes, data: st.DataObject) -> None:
    pieces = cut(head + body, data)
    known = warm_responses()
    assert read_response(pieces, known) == read_response(pieces, KnownHeads())
    assert read_response(pieces, known) == read_response(pieces, KnownHeads())


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_refused_by_a_warm_reader_too(case: str) -> None:
    assert read_request([REFUSED[case][0]], warm_requests())[-1][0] == "refused"


def test_another_length_is_another_body_of_the_same_head() -> None:
    known = warm_requests()
    found = known.find(REQUESTS[0].replace(b"5", b"1234"))
    assert found is not None
    head, length = found
    assert (length, head.fields) == (1234, parse_request_head(REQUESTS[0])[0].fields)


def test_memory_is_bounded_and_what_is_in_use_stays() -> None:
    remembered: Remembered[int, str] = Remembered()
    remembered.put(-1, "in use")
    for number in range(10_000):
        remembered.put(number, "once")
        assert remembered.get(-1) == "in use"
    assert len(remembered._young) + len(remembered._old) <= 1024
    assert remembered.get(0) is None


@pytest.mark.parametrize("other", [b"X-ontent-Length: 5", b"X: ontent-Length: 5", b"X-Content-Length: 5"])
def test_the_digits_of_another_header_are_not_the_length(other: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\n%b\r\nContent-Length: 5\r\n\r\n"
    known: KnownHeads[RequestHead] = KnownHeads()
    known.learn(head % other, *parse_request_head(head % other))
    assert known.find(head % other.replace(b"5", b"7")) is None
