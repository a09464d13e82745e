"""The payload of OPEN: where a request goes, and its head."""

import struct
from dataclasses import dataclass
from functools import lru_cache

from homeport.tunnel.errors import TunnelProtocolError
from homeport.tunnel.frames import FIN, OPEN

# remaining milliseconds, hold, attempt, body length, bytes of fields that follow
_FIXED = struct.Struct("!IBBqH")
# HEADER and _FIXED in one.
_OPEN_FRAME = struct.Struct("!BBIIIBBqH")
_FIELD = struct.Struct("!BH")
_HOLD = 1
_PROGRESS = 2
_UPGRADE = 4
_HTTP2 = 8
_DRAIN = 16
_TIMING = 32
_BITS = (_HOLD, _PROGRESS, _UPGRADE, _HTTP2, _DRAIN, _TIMING)
# By the byte that they come in.
_FLAGS = tuple(tuple(bool(flags & bit) for bit in _BITS) for flags in range(256))


# deployment, revision (decimal), replica, affinity, tenant, milliseconds parked (decimal); all UTF-8
_TAGS = (1, 2, 3, 4, 5, 6)


@dataclass(slots=True)
class Opening:
    """`head` is the request line and the header lines, as on the wire: the agent adds Host, framing and the empty line.
    `remaining_ms` 0 = no limit; `length` as in homeport.http1.head; `wants_progress`: it likes to hear how the waiting
    goes. `parked_ms`: how long it waited for a node before there was one. `upgrade`: it asks for a WebSocket.
    `http2`: the replica gets it over HTTP/2. `drain`: after a RESET with CANCELLED the model finishes what it began.
    `wants_timing`: the gateway likes to know where its time goes at the node (homeport.tunnel.hop_timing).
    """

    deployment_id: str
    revision: int
    head: bytes
    length: int
    remaining_ms: int = 0
    hold: bool = False
    attempt: int = 0
    replica_id: str = ""
    affinity: str = ""
    tenant: str = ""
    wants_progress: bool = False
    parked_ms: int = 0
    upgrade: bool = False
    http2: bool = False
    drain: bool = False
    wants_timing: bool = False


def open_frame(request_id: int, opening: Opening, last: bool) -> bytes:
    """The whole frame. `last`: the request has no body."""
    fields = _pack_fields(
        opening.deployment_id,
        opening.revision,
        opening.replica_id,
        opening.affinity,
        opening.tenant,
        opening.parked_ms,
    )
    fixed = _OPEN_FRAME.pack(
        OPEN,
        FIN if last else 0,
        request_id,
        _FIXED.size + len(fields) + len(opening.head),
        min(opening.remaining_ms, 0xFFFFFFFF),
        (_HOLD if opening.hold else 0)
        | (_PROGRESS if opening.wants_progress else 0)
        | (_UPGRADE if opening.upgrade else 0)
        | (_HTTP2 if opening.http2 else 0)
        | (_DRAIN if opening.drain else 0)
        | (_TIMING if opening.wants_timing else 0),
        opening.attempt,
        opening.length,
        len(fields),
    )
    return b"".join((fixed, fields, opening.head))


def unpack_opening(payload: bytes) -> Opening:
    """Unknown fields are skipped. Raises TunnelProtocolError."""
    try:
        remaining, flags, attempt, length, size = _FIXED.unpack_from(payload)
    except struct.error as error:
        raise TunnelProtocolError("an OPEN is too short") from error
    end = _FIXED.size + size
    if end > len(payload):
        raise TunnelProtocolError("the fields of an OPEN are cut off")
    deployment_id, revision, replica_id, affinity, tenant, parked_ms = _unpack_fields(payload[_FIXED.size : end])
    hold, wants_progress, upgrade, http2, drain, wants_timing = _FLAGS[flags]
    return Opening(
        deployment_id,
        revision,
        payload[end:],
        length,
        remaining,
        hold,
        attempt,
        replica_id,
        affinity,
        tenant,
        wants_progress,
        parked_ms,
        upgrade,
        http2,
        drain,
        wants_timing,
    )


# The same few combinations come again and again.
@lru_cache(1024)
def _pack_fields(
    deployment_id: str, revision: int, replica_id: str, affinity: str, tenant: str, parked_ms: int
) -> bytes:
    packed = bytearray()
    values = deployment_id, str(revision), replica_id, affinity, tenant, str(parked_ms or "")
    for tag, value in zip(_TAGS, values, strict=True):
        if value:
            data = value.encode()
            packed += _FIELD.pack(tag, len(data)) + data
    return bytes(packed)


@lru_cache(1024)
def _unpack_fields(fields: bytes) -> tuple[str, int, str, str, str, int]:
    values: dict[int, bytes] = {}
    at, end = 0, len(fields)
    try:
        while at < end:
            tag, count = _FIELD.unpack_from(fields, at)
            at += _FIELD.size + count
            values[tag] = fields[at - count : at]
        deployment, revision, replica, affinity, tenant, parked = (values.get(tag, b"").decode() for tag in _TAGS)
        number, parked_ms = int(revision or "0"), int(parked or "0")
    except (struct.error, ValueError) as error:
        raise TunnelProtocolError(f"an OPEN is malformed: {error}") from error
    if at != end:
        raise TunnelProtocolError("the fields of an OPEN are cut off")
    return deployment, number, replica, affinity, tenant, parked_ms
