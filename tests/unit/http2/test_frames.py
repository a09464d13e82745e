import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.http2.errors import FRAME_SIZE_ERROR, PROTOCOL_ERROR, Http2Error
from homeport.http2.frames import DATA, PADDED, FrameReader, frame, frame_header, without_padding
from tests.fakes.pieces import cut

Frame = tuple[int, int, int, bytes]
frames = st.lists(
    st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**31 - 1), st.binary(max_size=200))
)


def reader_of(found: list[Frame], max_size: int = 1000) -> FrameReader:
    return FrameReader(
        lambda kind, flags, sid, buffer, start, end: found.append((kind, flags, sid, buffer[start:end])), max_size
    )


@given(frames, st.data())
def test_frames_come_back_however_they_are_cut(sent: list[Frame], data: st.DataObject) -> None:
    found: list[Frame] = []
    reader = reader_of(found)
    for piece in cut(b"".join(frame(*one) for one in sent), data):
        reader.feed(piece)
    assert found == sent


def test_the_reserved_bit_is_ignored() -> None:
    found: list[Frame] = []
    reader_of(found).feed(frame(DATA, 0, 0x80000005, b"x"))
    assert found == [(DATA, 0, 5, b"x")]


def test_an_oversized_frame_is_refused_at_its_header() -> None:
    with pytest.raises(Http2Error) as caught:
        reader_of([]).feed(frame_header(1001, DATA, 0, 1))
    assert caught.value.code == FRAME_SIZE_ERROR


@pytest.mark.parametrize(
    ("payload", "code"), [(b"", FRAME_SIZE_ERROR), (b"\x01", PROTOCOL_ERROR), (b"\x05abcd", PROTOCOL_ERROR)]
)
def test_padding_that_does_not_fit(payload: bytes, code: int) -> None:
    with pytest.raises(Http2Error) as caught:
        without_padding(PADDED, payload, 0, len(payload))
    assert caught.value.code == code


@given(st.binary(max_size=50), st.integers(0, 255))
def test_padding_is_cut_off(payload: bytes, padding: int) -> None:
    padded = bytes([padding]) + payload + bytes(padding)
    start, end = without_padding(PADDED, padded, 0, len(padded))
    assert padded[start:end] == payload
