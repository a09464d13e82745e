import pytest

from homeport.client.api_error import error_from_body
from homeport.core.errors import ErrorCode


def test_the_whole_error_comes_back() -> None:
    body = b'{"error": {"code": "in_use", "message": "m", "hint": "h", "path": "p", "request_id": "r"}}'
    error = error_from_body(409, body, "7")
    assert (error.code, error.message, error.hint, error.path) == (ErrorCode.IN_USE, "m", "h", "p")
    assert error.retry_after_seconds == 7


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (404, b"", ErrorCode.NOT_FOUND, "answered with status 404"),
        (502, b"<h1>Bad gateway</h1>\nmore", ErrorCode.UPSTREAM_FAILED, "<h1>Bad gateway</h1>"),
        (500, b'{"error": {"message": "boom", "type": "x"}}', ErrorCode.INTERNAL, "boom"),
        (501, b'{"error": {"message": "no", "code": 501}}', ErrorCode.INTERNAL, "no"),
        (418, b'{"error": {"code": "teapot", "message": "I am"}}', ErrorCode.INVALID_ARGUMENT, "I am"),
        (503, b'{"error": "text"}', ErrorCode.UNAVAILABLE, '{"error": "text"}'),
        (400, b"\xff\xfe", ErrorCode.INVALID_ARGUMENT, "��"),
        (400, b"[1]", ErrorCode.INVALID_ARGUMENT, "[1]"),
    ],
)  # fmt: skip
def test_answers_that_are_not_ours(status: int, body: bytes, code: ErrorCode, message: str) -> None:
    error = error_from_body(status, body)
    assert (error.code, error.message) == (code, message)
