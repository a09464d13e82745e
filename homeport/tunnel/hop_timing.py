"""Where a request's time went at its node: the first header line of a HEAD, where the OPEN asked for it.

It is for the gateway, which takes it off.
"""

import re
from typing import NamedTuple

HEADER = b"hp-timing"
_LINE = re.compile(rb"hp-timing: hold=(\d{1,15});upstream=(\d{1,15});replica=([\w.:@-]{0,200})\r\n")


class HopTiming(NamedTuple):
    """`hold_seconds`: until a replica took it. `upstream_seconds`: from then to the replica's head."""

    hold_seconds: float
    upstream_seconds: float
    replica_id: str


def timing_line(timing: HopTiming) -> bytes:
    hold, upstream = int(timing.hold_seconds * 1e6), int(timing.upstream_seconds * 1e6)
    return b"hp-timing: hold=%d;upstream=%d;replica=%b\r\n" % (hold, upstream, timing.replica_id.encode())


def take_timing(lines: bytes) -> tuple[HopTiming | None, bytes]:
    """The timing, if it is there, and the lines without it."""
    match = _LINE.match(lines)
    if match is None:
        return None, lines
    return HopTiming(int(match[1]) / 1e6, int(match[2]) / 1e6, match[3].decode()), lines[match.end() :]
