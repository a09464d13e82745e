import pytest
from homeport_proto.v1 import tunnel_pb2
from hypothesis import given
from hypothesis import strategies as st

from homeport.tunnel.envelope import wrap
from homeport.tunnel.errors import TunnelProtocolError
from homeport.tunnel.frames import (
    HEADER,
    Progress,
    Refusal,
    head_frame,
    pack_progress,
    pack_refused,
    pack_reset,
    pack_window,
    unpack_head,
    unpack_progress,
    unpack_refused,
    unpack_reset,
    unpack_window,
)
from homeport.tunnel.load import DeploymentLoad, pack_load, unpack_load
from homeport.tunnel.opening import Opening, open_frame, unpack_opening
from tests.fakes.link_pair import frames_of

text = st.text(max_size=200)
counts = st.integers(0, 2**31)
openings = st.builds(
    Opening,
    deployment_id=text,
    revision=counts,
    head=st.binary(max_size=2000),
    length=st.integers(-2, 2**62),
    remaining_ms=st.integers(0, 2**32 - 1),
    hold=st.booleans(),
    attempt=st.integers(0, 255),
    replica_id=text,
    affinity=text,
    tenant=text,
    wants_progress=st.booleans(),
    parked_ms=counts,
    upgrade=st.booleans(),
    http2=st.booleans(),
    drain=st.booleans(),
    wants_timing=st.booleans(),
)
loads = st.builds(
    DeploymentLoad,
    deployment_id=text,
    revision=counts,
    ready=st.lists(text, max_size=4).map(tuple),
    in_flight=counts,
    queued=counts,
    capacity=counts,
)


@given(openings)
def test_openings_come_back(opening: Opening) -> None:
    assert unpack_opening(payload_of(open_frame(7, opening, last=False))) == opening


@given(openings, st.binary(min_size=1, max_size=50))
def test_unknown_fields_of_an_opening_are_skipped(opening: Opening, value: bytes) -> None:
    packed = payload_of(open_frame(7, opening, last=False))
    size = int.from_bytes(packed[14:16], "big")
    extra = bytes([200]) + len(value).to_bytes(2, "big") + value
    newer = packed[:14] + (size + len(extra)).to_bytes(2, "big") + packed[16 : 16 + size] + extra + packed[16 + size :]
    assert unpack_opening(newer) == opening


@given(openings, st.data())
def test_a_cut_opening_is_refused_or_has_a_shorter_head(opening: Opening, data: st.DataObject) -> None:
    packed = payload_of(open_frame(7, opening, last=False))
    cut = packed[: data.draw(st.integers(0, len(packed) - 1))]
    try:
        found = unpack_opening(cut)
    except TunnelProtocolError:
        return
    assert opening.head.startswith(found.head) and found.deployment_id == opening.deployment_id


@given(st.integers(0, 65535), st.integers(-2, 2**62), st.binary(max_size=500))
def test_heads_come_back(status: int, length: int, block: bytes) -> None:
    payload = payload_of(head_frame(7, status, length, block, last=False))
    assert unpack_head(payload, 0, len(payload)) == (status, length, block)


@given(st.integers(0, 255), st.integers(0, 65535), text)
def test_refusals_come_back(code: int, retry_after: int, reason: str) -> None:
    refusal = Refusal(code, retry_after, reason)
    assert unpack_refused(pack_refused(refusal)) == refusal


@given(st.integers(0, 65535), text)
def test_progress_comes_back(seconds: int, what: str) -> None:
    assert unpack_progress(pack_progress(Progress(seconds, what))) == Progress(seconds, what)


@given(st.integers(0, 255), text)
def test_resets_come_back(code: int, reason: str) -> None:
    assert unpack_reset(pack_reset(code, reason)) == (code, reason)


@given(st.integers(0, 2**32 - 1))
def test_windows_come_back(size: int) -> None:
    assert unpack_window(pack_window(size)) == size


@given(st.lists(loads, max_size=5))
def test_loads_come_back(listed: list[DeploymentLoad]) -> None:
    assert unpack_load(pack_load(listed)) == listed


def test_unknown_keys_of_a_load_are_ignored() -> None:
    item = '{"deployment":"d","revision":1,"ready":[],"in_flight":0,"queued":0,"capacity":0,"colour":"red"}'
    packed = b'{"deployments":[%b],"node":"x"}' % item.encode()
    assert unpack_load(packed) == [DeploymentLoad("d", 1, (), 0, 0, 0)]


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b'{"deployments":[{}]}', b"\xff"])
def test_a_malformed_load_is_refused(payload: bytes) -> None:
    with pytest.raises(TunnelProtocolError):
        unpack_load(payload)


@given(st.binary(max_size=70_000))
def test_the_envelope_is_the_protobuf_message(payload: bytes) -> None:
    assert wrap([payload], len(payload)) == tunnel_pb2.Frames(frames=payload).SerializeToString() or not payload
    assert frames_of(tunnel_pb2.Frames(frames=payload).SerializeToString()) == payload
    assert tunnel_pb2.Frames.FromString(wrap([payload], len(payload))).frames == payload


@given(st.binary(max_size=300), st.integers(2, 1000), st.integers(0, 2**63), st.binary(max_size=200))
def test_unknown_fields_of_the_envelope_are_skipped(payload: bytes, number: int, value: int, other: bytes) -> None:
    newer = _varint(number << 3) + _varint(value) + _varint(number << 3 | 2) + _varint(len(other)) + other
    assert frames_of(newer + wrap([payload], len(payload)) + newer) == payload


@given(st.binary(max_size=300))
def test_garbage_is_refused_or_read_but_never_crashes(garbage: bytes) -> None:
    try:
        frames_of(garbage)
    except TunnelProtocolError:
        return


def payload_of(frame: bytes) -> bytes:
    _, _, request_id, size = HEADER.unpack_from(frame)
    assert (request_id, size) == (7, len(frame) - HEADER.size)
    return frame[HEADER.size :]


def _varint(value: int) -> bytes:
    digits = b""
    while value > 0x7F:
        digits += bytes([value & 0x7F | 0x80])
        value >>= 7
    return digits + bytes([value])
