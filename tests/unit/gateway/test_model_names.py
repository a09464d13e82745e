"""A model's name in messages of gRPC, however they are cut."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.errors import ErrorCode, HomeportError
from homeport.gateway.routing.model_names import ModelNames


def varint(value: int) -> bytes:
    return bytes((value & 0x7F | 0x80,)) + varint(value >> 7) if value > 0x7F else bytes((value,))


def text(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def framed(message: bytes, compressed: int = 0) -> bytes:
    return struct.pack("!BI", compressed, len(message)) + message


def feed(names: ModelNames, data: bytes, cuts: list[int]) -> bytes:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return b"".join(names.feed(data[start:end]) for start, end in pairwise(edges))


# Fields before and behind the name: varints, fixed ones, bytes.
others = st.lists(
    st.one_of(
        st.tuples(st.integers(2, 300), st.binary(max_size=300)).map(lambda each: text(*each)),
        st.integers(0, 2**63).map(lambda value: varint(4 << 3) + varint(value)),
        st.binary(min_size=8, max_size=8).map(lambda value: varint(5 << 3 | 1) + value),
        st.binary(min_size=4, max_size=4).map(lambda value: varint(6 << 3 | 5) + value),
    ),
    max_size=4,
).map(b"".join)
words = st.text("abc-é", min_size=1, max_size=200)


@given(
    st.lists(st.tuples(others, words, others), min_size=1, max_size=4),
    st.one_of(st.none(), words),
    st.lists(st.integers(0, 5000), max_size=12),
)
def test_each_name_is_read_and_replaced(
    messages: list[tuple[bytes, str, bytes]], other: str | None, cuts: list[int]
) -> None:
    seen: list[str] = []

    def rename(name: str) -> str | None:
        seen.append(name)
        return other

    sent = b"".join(framed(before + text(1, name.encode()) + after) for before, name, after in messages)
    wanted = b"".join(framed(before + text(1, (other or name).encode()) + after) for before, name, after in messages)
    names = ModelNames(rename)
    assert feed(names, sent, cuts) == wanted
    assert seen == [name for _, name, _ in messages]
    assert not names.holds


@given(others, st.lists(st.integers(0, 2000), max_size=6), st.integers(0, 1))
def test_messages_without_a_name_pass_as_they_are(message: bytes, cuts: list[int], compressed: int) -> None:
    seen: list[str] = []

    def rename(name: str) -> str | None:
        seen.append(name)
        return "other"

    sent = framed(message, compressed) + framed(b"", compressed)
    assert feed(ModelNames(rename), sent, cuts) == sent
    assert seen == ["", ""]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_nothing_is_lost_of_what_is_no_protobuf(message: bytes, cuts: list[int]) -> None:
    sent = framed(message) + framed(b"")
    assert feed(ModelNames(lambda name: None), sent, cuts) == sent


def test_the_name_passes_before_the_rest_of_its_message_is_here() -> None:
    names = ModelNames(lambda name: "b")
    message = text(1, b"a") + text(7, bytes(8_000_000))
    first = names.feed(framed(message)[:100])
    assert first == framed(text(1, b"b") + text(7, bytes(8_000_000)))[:100]
    assert not names.holds


def test_what_stands_before_a_name_is_held_within_bounds() -> None:
    names = ModelNames(lambda name: None)
    message = framed(text(7, bytes(2_000_000)) + text(1, b"a"))
    with pytest.raises(HomeportError) as caught:
        for at in range(0, len(message), 65_536):
            names.feed(message[at : at + 65_536])
    assert caught.value.code is ErrorCode.PAYLOAD_TOO_LARGE
