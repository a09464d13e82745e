"""Errors as OpenAI's clients read them, or those of the Open Inference Protocol, with hint and request id beside."""

import json
import math

from homeport.core.errors import ErrorCode, HomeportError
from homeport.gateway.limits.limit_errors import LimitError
from homeport.http1.errors import ProtocolError
from homeport.http_status import HTTP_STATUS

_TYPES = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}


def render(error: HomeportError, request_id: str, target: bytes = b"") -> tuple[int, bytes, bytes]:
    """(status, header lines, body); `target` is what was asked for."""
    status = HTTP_STATUS[error.code]
    block = b"content-type: application/json\r\n"
    if request_id:
        block += f"x-request-id: {request_id}\r\n".encode()
    if status == 401:
        block += b'www-authenticate: Bearer realm="homeport"\r\n'
    if error.retry_after_seconds is not None:
        block += b"retry-after: %d\r\n" % max(1, math.ceil(error.retry_after_seconds))
    if isinstance(error, LimitError):
        block += error.lines
    return status, block, (_v2_body if target.startswith(b"/v2") else body)(error, request_id)


def body(error: HomeportError, request_id: str) -> bytes:
    status = HTTP_STATUS[error.code]
    kind = _TYPES.get(status) or ("invalid_request_error" if status < 500 else "server_error")
    if error.code is ErrorCode.INSUFFICIENT_QUOTA:
        kind = str(error.code)
    fields = {"message": error.message, "type": kind, "code": str(error.code), "hint": error.hint}
    if error.path:
        fields["param"] = error.path
    return json.dumps({"error": fields | {"request_id": request_id}}).encode()


def _v2_body(error: HomeportError, request_id: str) -> bytes:
    text = f"{error.message} ({error.hint})" if error.hint else error.message
    return json.dumps({"error": text, "code": str(error.code), "request_id": request_id}).encode()


def event(error: HomeportError, request_id: str) -> bytes:
    """The last server-sent event of a stream that broke."""
    return b"data: " + body(error, request_id) + b"\n\n"


def render_refused_message(error: ProtocolError) -> tuple[bytes, bytes]:
    """(header lines, body) for a message that is no proper HTTP/1.1."""
    fields = {
        "message": error.message,
        "type": "invalid_request_error",
        "code": "bad_http",
        "hint": error.hint,
        "request_id": "",
    }
    return b"content-type: application/json\r\n", json.dumps({"error": fields}).encode()
