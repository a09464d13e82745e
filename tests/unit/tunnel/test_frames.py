import contextlib

import pytest
from homeport_proto.v1 import tunnel_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from homeport.tunnel.envelope import unwrap, wrap
from homeport.tunnel.errors import TunnelProtocolError
from homeport.tunnel.frames import (
    Refusal,
    pack_head,
    pack_refused,
    pack_reset,
    pack_window,
    unpack_head,
    unpack_refused,
    unpack_reset,
    unpack_window,
)
from homeport.tunnel.load import DeploymentLoad, pack_load, unpack_load
from homeport.tunnel.opening import Opening, pack_opening, unpack_opening

texts = st.text(max_size=50)
openings = st.builds(
    Opening,
    texts,
    st.integers(0, 2**31),
    st.binary(max_size=300),
    st.integers(-2, 2**40),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.integers(0, 255),
    texts,
    texts,
    texts,
)
loads = st.builds(
    DeploymentLoad,
    texts,
    st.integers(0, 1000),
    st.lists(texts, max_size=3).map(tuple),
    st.integers(0, 1000),
    st.integers(0, 1000),
    st.integers(0, 1000),
)


@given(st.lists(st.binary(max_size=40_000), max_size=4))
def test_messages_are_protobuf_that_any_client_can_read_and_write(parts: list[bytes]) -> None:
    frames = b"".join(parts)
    message = wrap(list(parts), len(frames))
    assert pb.Frames.FromString(message).frames == frames
    assert unwrap(message) == frames
    assert unwrap(pb.Frames(frames=frames).SerializeToString()) == frames


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader_of_messages(data: bytes) -> None:
    with contextlib.suppress(TunnelProtocolError):
        unwrap(data)


def test_fields_of_a_newer_release_are_skipped() -> None:
    newer = b"\x10\x05" + b"\x1a\x03new" + wrap([b"frames"], 6) + b"\x25\x00\x00\x00\x00"
    assert unwrap(newer) == b"frames"


@given(openings)
def test_openings_come_back_as_they_were(opening: Opening) -> None:
    assert unpack_opening(pack_opening(opening)) == opening


@given(openings, st.data())
def test_a_cut_opening_is_an_error_and_never_another_deployment(opening: Opening, data: st.DataObject) -> None:
    packed = pack_opening(opening)
    cut = packed[: data.draw(st.integers(0, len(packed) - 1))]
    with contextlib.suppress(TunnelProtocolError):
        assert unpack_opening(cut).deployment_id == opening.deployment_id


@given(st.integers(100, 599), st.integers(-2, 2**40), st.binary(max_size=300))
def test_heads_come_back_as_they_were(status: int, length: int, block: bytes) -> None:
    assert unpack_head(pack_head(status, length, block)) == (status, length, block)


@given(st.lists(loads, max_size=4))
def test_loads_come_back_as_they_were(items: list[DeploymentLoad]) -> None:
    assert unpack_load(pack_load(items)) == items


@given(st.integers(1, 255), st.integers(0, 65535), texts)
def test_refusals_and_resets_come_back_as_they_were(code: int, seconds: int, reason: str) -> None:
    refusal = Refusal(code, seconds, reason)
    assert unpack_refused(pack_refused(refusal)) == refusal
    assert unpack_reset(pack_reset(code, reason)) == (code, reason)
    assert unpack_window(pack_window(seconds)) == seconds


@pytest.mark.parametrize(
    "read", [unpack_head, unpack_refused, unpack_reset, unpack_window, unpack_opening, unpack_load]
)
def test_an_empty_payload_is_an_error(read: object) -> None:
    with pytest.raises(TunnelProtocolError):
        read(b"")  # type: ignore[operator]
