import json

import pytest

from homeport.core.token_usage import AnswerUsage, token_counter

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


STREAM = b'data: {"choices": [{"delta": {"content": "hi"}}], "usage": null}\n\n'
USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}}\n\n'


@pytest.mark.parametrize(
    ("answer", "lines", "counts"),
    [
        (STREAM * 3 + b"data: [DONE]\n\n", EVENTS, (5, 3)),
        (STREAM * 3 + USAGE + b"data: [DONE]\n\n", EVENTS, (11, 7)),
        (USAGE.replace(b"7", b"1") + STREAM + USAGE, EVENTS, (11, 7)),
        (b'{"usage": {"prompt_tokens": 9, "completion_tokens": 41}, "x": 1}', JSON, (9, 41)),
        (b'{"data": [], "usage": {"prompt_tokens": 9, "total_tokens": 9}}', JSON, (9, 0)),
        (b'{"usage": {"total_tokens": 12}}', JSON, (0, 12)),
        (b'{"usage": {"prompt_tokens": 9, "completion_tokens": 1}, "data": "%b"}' % (b"x" * 50_000), JSON, (9, 1)),
        (b'{"text": "\\"usage\\": {\\"prompt_tokens\\": 9000}"}', JSON, (5, 0)),
        (b'{"error": "no"}', JSON, (5, 0)),
        (b"\x00" * 100, b"content-type: image/png\r\n", (5, 0)),
        (b"\x00" * 100, EVENTS + b"content-encoding: gzip\r\n", (5, 25)),
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 1000, 1_000_000])
def test_an_answer_is_counted_in_whatever_pieces_it_comes(
    answer: bytes, lines: bytes, counts: tuple[int, int], piece: int
) -> None:
    usage = AnswerUsage(lines)
    for start in range(0, len(answer), piece):
        usage.read(answer[start : start + piece])
    assert usage.counts(5) == counts
