"""W3C trace context: passed on as it came, or not at all.

A gateway adds no trace of its own: nobody would record its span, and a model that samples as its caller does would
record nothing either. Requests without one are found by their request id.
"""

import re

from homeport.http1.head import Fields

TRACEPARENT = b"traceparent"
TRACESTATE = b"tracestate"
# Version 00 ends after the flags; later ones may go on.
_TRACEPARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[\x21-\x7e]{1,200})?"
)


def take_trace(fields: Fields) -> tuple[str, Fields]:
    """The trace's id, and the header lines that go on. Without a valid one: empty, and neither of the two lines."""
    given = [value for name, value in fields if name == TRACEPARENT]
    match = _TRACEPARENT.fullmatch(given[0]) if len(given) == 1 else None
    if match is not None and not (match[1] == b"00" and match[3]):
        return match[2].decode(), fields
    return "", [field for field in fields if field[0] not in (TRACEPARENT, TRACESTATE)]
