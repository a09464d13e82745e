"""From an error answer to a HomeportError. The API and the gateway use the same body."""

import json
from typing import Any

from homeport.core.errors import ErrorCode, HomeportError

# For answers that carry no code of ours: a proxy in between, or the model's own server.
_BY_STATUS = {
    400: ErrorCode.INVALID_ARGUMENT,
    401: ErrorCode.UNAUTHENTICATED,
    403: ErrorCode.PERMISSION_DENIED,
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    409: ErrorCode.CONFLICT,
    413: ErrorCode.PAYLOAD_TOO_LARGE,
    415: ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    429: ErrorCode.TOO_MANY_REQUESTS,
    502: ErrorCode.UPSTREAM_FAILED,
    503: ErrorCode.UNAVAILABLE,
    504: ErrorCode.DEADLINE_EXCEEDED,
    507: ErrorCode.STORAGE_FULL,
}


def error_from_body(status: int, body: bytes, retry_after: str | None = None) -> HomeportError:
    plain = _error_object(body)
    code = _BY_STATUS.get(status, ErrorCode.INTERNAL if status >= 500 else ErrorCode.INVALID_ARGUMENT)
    if plain.get("code") in set(ErrorCode):
        code = ErrorCode(plain["code"])
    text = body.decode("utf-8", "replace").strip()
    message = plain.get("message") or (text.splitlines()[0][:300] if text else "")
    return HomeportError(
        code,
        str(message or f"answered with status {status}"),
        hint=str(plain.get("hint") or ""),
        path=str(plain.get("path") or ""),
        retry_after_seconds=float(retry_after) if retry_after and retry_after.isdecimal() else None,
        details=plain.get("details") if isinstance(plain.get("details"), dict) else None,
    )


def _error_object(body: bytes) -> dict[str, Any]:
    try:
        plain = json.loads(body)
    except ValueError:
        return {}
    error = plain.get("error") if isinstance(plain, dict) else None
    return error if isinstance(error, dict) else {}
