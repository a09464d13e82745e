"""How many tokens an answer brings, as far as one can tell in passing."""

import re
from collections.abc import Callable

_USAGE = re.compile(rb'"completion_tokens"\s*:\s*(\d+)')
# Usage stands near the end, and looking through large bodies would cost more than relaying them.
_TAIL = 4096


def token_counter(lines: bytes) -> Callable[[bytes], int] | None:
    """For the pieces of an answer with these header lines: an event of a stream is a token, other answers tell their
    number. None for what has none."""
    if b"text/event-stream" in lines:
        return _in_events
    return _in_usage if b"application/json" in lines else None


def _in_events(data: bytes) -> int:
    return data.count(b"data: {")


def _in_usage(data: bytes) -> int:
    tail = data[-_TAIL:]
    if b'"completion_tokens"' not in tail:
        return 0
    told = _USAGE.search(tail)
    return int(told[1]) if told else 0
