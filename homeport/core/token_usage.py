"""How many tokens a request took: what the model says of it, else what can be told from its answer in passing."""

import re
from collections.abc import Callable
from functools import lru_cache

_COMPLETION = re.compile(rb'"completion_tokens"\s*:\s*(\d+)')
_PROMPT = re.compile(rb'"prompt_tokens"\s*:\s*(\d+)')
_TOTAL = re.compile(rb'"total_tokens"\s*:\s*(\d+)')
# Only a key looks like this: within a text its quotes are escaped.
_USAGE = re.compile(rb'"usage"\s*:\s*\{')
# Usage stands near the end, and looking through large bodies would cost more than relaying them.
_TAIL = 4096
# Of text in most languages and tokenizers; code has fewer.
_BYTES_PER_TOKEN = 4


# A model server says the same each time.
@lru_cache(64)
def token_counter(lines: bytes) -> Callable[[bytes], int] | None:
    """For the pieces of an answer with these header lines: an event of a stream is a token, other answers tell their
    number. None for what has none. A running figure, for those who must know before the answer ends."""
    if b"text/event-stream" in lines:
        return _in_events
    return _in_usage if b"application/json" in lines else None


def estimate(prompt_bytes: int) -> int:
    """Of a prompt that no model has seen yet."""
    return -(-prompt_bytes // _BYTES_PER_TOKEN)


class AnswerUsage:
    """Of one request: prompt and completion, counted when its answer has ended. Where a model tells `usage`, that is
    it, also in a stream (`stream_options.include_usage`); else an event of a stream is a token."""

    __slots__ = ("_events", "_is_readable", "_is_stream", "_size", "_tail", "_told")

    def __init__(self, lines: bytes) -> None:
        """Of an answer with these header lines."""
        self._is_stream = b"text/event-stream" in lines
        self._is_readable = b"content-encoding:" not in lines and (self._is_stream or b"application/json" in lines)
        self._tail = b""
        self._events = self._size = 0
        self._told: tuple[int, int] | None = None

    def read(self, data: bytes) -> None:
        self._size += len(data)
        if not self._is_readable:
            return
        if self._is_stream:
            # The beginning of an event may be in two pieces.
            self._events += _in_events(self._tail[-6:] + data)
        window = self._tail + data
        if b'"usage"' in window:
            self._look(window)
        self._tail = window[-_TAIL:]

    def counts(self, estimated_prompt: int) -> tuple[int, int]:
        """Tokens of prompt and completion."""
        if self._told is not None:
            return self._told
        if self._is_stream:
            return estimated_prompt, self._events if self._is_readable else estimate(self._size)
        return estimated_prompt, 0

    def _look(self, window: bytes) -> None:
        begins = [match.end() for match in _USAGE.finditer(window)]
        if not begins:
            return
        usage = window[begins[-1] :]
        prompt, completion, total = (_first(each, usage) for each in (_PROMPT, _COMPLETION, _TOTAL))
        if prompt is None and total is None:
            return
        known = prompt if prompt is not None else 0
        if completion is None:
            completion = max(0, (total or 0) - known)
        self._told = known, completion


def _first(pattern: re.Pattern[bytes], data: bytes) -> int | None:
    found = pattern.search(data)
    return int(found[1]) if found else None


def _in_events(data: bytes) -> int:
    return data.count(b"data: {")


def _in_usage(data: bytes) -> int:
    start = max(0, len(data) - _TAIL)
    # Looking with `in` costs ten times as much: it tries a number first.
    if data.find(b'"completion_tokens"', start) < 0:
        return 0
    told = _COMPLETION.search(data, start)
    return int(told[1]) if told else 0
