"""How many tokens an answer brings, as far as one can tell in passing."""

import re

_USAGE = re.compile(rb'"completion_tokens"\s*:\s*(\d+)')


def tokens_in(data: bytes, lines: bytes) -> int:
    """Of a piece of an answer with these header lines: an event of a stream is one, other answers tell their number."""
    if b"text/event-stream" in lines:
        return data.count(b"data: {")
    told = _USAGE.search(data) if b"application/json" in lines else None
    return int(told[1]) if told else 0
