"""The one form of an error's body on the API, and the page of those that a person looks at."""

from typing import Any

from aiohttp import web

from controlplane.api.page import page
from homeport.core.errors import ErrorCode, HomeportError
from homeport.http_status import HTTP_STATUS


def error_response(error: HomeportError, request_id: str, as_page: bool = False) -> web.Response:
    status = HTTP_STATUS[error.code]
    if as_page:
        response = page("That did not work", f"{error.message}. {error.hint} (request {request_id})", status=status)
    else:
        response = web.json_response(error_body(error, request_id), status=status)
    if error.code is ErrorCode.UNAUTHENTICATED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="homeport"'
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after_seconds)))
    return response


def error_body(error: HomeportError, request_id: str) -> dict[str, Any]:
    """`details` are there only where programs can do something with them."""
    plain: dict[str, Any] = {
        "code": error.code.value,
        "message": error.message,
        "hint": error.hint,
        "path": error.path,
        "request_id": request_id,
    }
    return {"error": {**plain, "details": error.details} if error.details else plain}
