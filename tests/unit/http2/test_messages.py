import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.http2.messages import MAX_MESSAGE, MessageError, MessageReader, message_prefix
from homeport.http2.status import RESOURCE_EXHAUSTED, UNIMPLEMENTED
from tests.fakes.pieces import cut


def reader_of(found: list[bytes]) -> MessageReader:
    return MessageReader(lambda buffer, start, end: found.append(buffer[start:end]))


@given(st.lists(st.binary(max_size=200)), st.data())
def test_messages_come_back_however_they_are_cut(sent: list[bytes], data: st.DataObject) -> None:
    found: list[bytes] = []
    reader = reader_of(found)
    for piece in cut(b"".join(message_prefix(len(message)) + message for message in sent), data):
        reader.feed(b"before" + piece + b"after", 6, 6 + len(piece))
    assert found == sent
    assert not reader.inside


@pytest.mark.parametrize(
    ("prefix", "code"),
    [
        (b"\x01\x00\x00\x00\x01", UNIMPLEMENTED),
        (b"\x00\xff\xff\xff\xff", RESOURCE_EXHAUSTED),
        (message_prefix(MAX_MESSAGE + 1), RESOURCE_EXHAUSTED),
    ],
)
def test_what_is_not_read_is_refused_at_its_prefix(prefix: bytes, code: int) -> None:
    with pytest.raises(MessageError) as caught:
        reader_of([]).feed(prefix, 0, 5)
    assert caught.value.status.code == code


def test_a_message_that_has_only_begun_is_known() -> None:
    reader = reader_of([])
    reader.feed(b"\x00\x00", 0, 2)
    assert reader.inside
