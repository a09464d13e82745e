"""Errors on HTTP: the one table from code to status, and the one form of an error's body."""

from aiohttp import web

from homeport.core.errors import ErrorCode, HomeportError

HTTP_STATUS: dict[ErrorCode, int] = {
    ErrorCode.INVALID_ARGUMENT: 400,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.PERMISSION_DENIED: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.METHOD_NOT_ALLOWED: 405,
    ErrorCode.ALREADY_EXISTS: 409,
    ErrorCode.CONFLICT: 409,
    ErrorCode.IN_USE: 409,
    ErrorCode.PAYLOAD_TOO_LARGE: 413,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
    ErrorCode.TOO_MANY_REQUESTS: 429,
    ErrorCode.INTERNAL: 500,
    ErrorCode.UPSTREAM_FAILED: 502,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.DEADLINE_EXCEEDED: 504,
    ErrorCode.STORAGE_FULL: 507,
}


def error_response(error: HomeportError, request_id: str) -> web.Response:
    body = {
        "error": {
            "code": error.code.value,
            "message": error.message,
            "hint": error.hint,
            "path": error.path,
            "request_id": request_id,
        }
    }
    response = web.json_response(body, status=HTTP_STATUS[error.code])
    if error.code is ErrorCode.UNAUTHENTICATED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="homeport"'
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after_seconds)))
    return response
