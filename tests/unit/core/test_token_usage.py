import json

import pytest

from homeport.core.token_usage import token_counter

EVENTS = b"content-type: text/event-stream\r\n"
JSON = b"content-type: application/json; charset=utf-8\r\n"


@pytest.mark.parametrize(
    ("data", "lines", "tokens"),
    [
        (b'data: {"choices": [1]}\n\ndata: {"choices": [2]}\n\n', EVENTS, 2),
        (b"data: [DONE]\n\n", EVENTS, 0),
        (b": waiting\n\n", EVENTS, 0),
        (json.dumps({"usage": {"prompt_tokens": 9, "completion_tokens": 41}}).encode(), JSON, 41),
        (b'{"usage":{"completion_tokens":7}}', JSON, 7),
        (b'{"completion_tokens": "many"}', JSON, 0),
        (b'{"text": "%b", "usage":{"completion_tokens":7}}' % (b"x" * 100_000), JSON, 7),
        (b'data: {"completion_tokens": 7}', b"content-type: text/plain\r\n", 0),
    ],
)
def test_tokens_are_counted_in_passing(data: bytes, lines: bytes, tokens: int) -> None:
    count = token_counter(lines)
    assert (count(data) if count else 0) == tokens
