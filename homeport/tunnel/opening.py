"""The payload of OPEN: where a request goes, and its head."""

import struct
from dataclasses import dataclass
from enum import IntEnum

from homeport.tunnel.errors import TunnelProtocolError

# remaining milliseconds, hold, attempt, body length, bytes of fields that follow
_FIXED = struct.Struct("!IBBqH")
_FIELD = struct.Struct("!BH")
_HOLD = 1


class _Tag(IntEnum):
    DEPLOYMENT = 1
    REVISION = 2
    REPLICA = 3
    AFFINITY = 4
    TENANT = 5


@dataclass(slots=True)
class Opening:
    """`head` is the request line and the header lines, as on the wire: the agent adds Host, framing and the empty line.
    `remaining_ms` 0 = no limit; `length` as in homeport.http1.head.
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


def pack_opening(opening: Opening) -> bytes:
    fields = bytearray()
    for tag, value in (
        (_Tag.DEPLOYMENT, opening.deployment_id),
        (_Tag.REVISION, str(opening.revision)),
        (_Tag.REPLICA, opening.replica_id),
        (_Tag.AFFINITY, opening.affinity),
        (_Tag.TENANT, opening.tenant),
    ):
        if value:
            data = value.encode()
            fields += _FIELD.pack(tag, len(data)) + data
    fixed = _FIXED.pack(
        min(opening.remaining_ms, 0xFFFFFFFF),
        _HOLD if opening.hold else 0,
        opening.attempt,
        opening.length,
        len(fields),
    )
    return b"".join((fixed, fields, opening.head))


def unpack_opening(payload: bytes) -> Opening:
    """Unknown fields are skipped. Raises TunnelProtocolError."""
    try:
        remaining, flags, attempt, length, size = _FIXED.unpack_from(payload)
        at, end = _FIXED.size, _FIXED.size + size
        if end > len(payload):
            raise TunnelProtocolError("the fields of an OPEN are cut off")
        values: dict[int, str] = {}
        while at < end:
            tag, count = _FIELD.unpack_from(payload, at)
            at += _FIELD.size
            values[tag] = payload[at : at + count].decode()
            at += count
        revision = int(values.get(_Tag.REVISION, "0"))
    except (struct.error, ValueError) as error:
        raise TunnelProtocolError(f"an OPEN is malformed: {error}") from error
    if at != end:
        raise TunnelProtocolError("the fields of an OPEN are cut off")
    return Opening(
        values.get(_Tag.DEPLOYMENT, ""),
        revision,
        payload[end:],
        length,
        remaining,
        bool(flags & _HOLD),
        attempt,
        values.get(_Tag.REPLICA, ""),
        values.get(_Tag.AFFINITY, ""),
        values.get(_Tag.TENANT, ""),
    )
