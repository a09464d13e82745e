"""Around every request: its id, and errors in the one form."""

import re
import secrets
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from controlplane.api.errors import error_response
from controlplane.api.routing import PREFIX
from controlplane.audit.actor import Actor, actor, begin
from controlplane.audit.denials import DENIALS
from homeport.core.errors import ErrorCode, HomeportError

log = structlog.get_logger()

REQUEST_ID = web.RequestKey("request_id", str)
_HEADER = "X-Request-Id"
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


NoteDenial = Callable[[Actor, HomeportError], Awaitable[None]]


def outermost(note_denial: NoteDenial) -> Middleware:
    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = request[REQUEST_ID] = _id_of(request)
        begin(request.remote or "", request_id, f"{request.method} {request.path}")
        try:
            return await handler(request)
        except HomeportError as error:
            if error.code in (ErrorCode.INTERNAL, ErrorCode.STORAGE_FULL):
                log.error("request failed", request_id=request_id, request=actor().request, error=str(error))
            if error.code in DENIALS and actor().tried is not None:
                await note_denial(actor(), error)
            response = error_response(error, request_id, as_page=_is_looked_at(request))
        except web.HTTPException as error:
            response = error_response(_from_aiohttp(error, request), request_id)
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        except Exception:
            log.exception("request failed", request_id=request_id, request=actor().request)
            failure = HomeportError(
                ErrorCode.INTERNAL,
                "the server made an error",
                hint=f"its log has the details under request id {request_id}",
            )
            response = error_response(failure, request_id)
        return response

    return around


def _is_looked_at(request: web.Request) -> bool:
    """A browser that comes back from signing in elsewhere has no page of ours that would show an error."""
    return request.path.startswith(f"{PREFIX}/auth/oidc/") and "text/html" in request.headers.get("Accept", "")


def _id_of(request: web.Request) -> str:
    """A client may send an id of its own, to find its request in the server's log."""
    given = request.headers.get(_HEADER, "")
    return given if _SANE_ID.fullmatch(given) else secrets.token_hex(8)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Right before any response goes out, a streamed one too."""
    response.headers[_HEADER] = request[REQUEST_ID]
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-store")


def _from_aiohttp(error: web.HTTPException, request: web.Request) -> HomeportError:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return HomeportError(
            ErrorCode.METHOD_NOT_ALLOWED, f"{request.method} is not possible here", hint=f"possible: {allowed}"
        )
    if error.status == 404:
        return HomeportError(
            ErrorCode.NOT_FOUND,
            f"there is nothing at {request.path}",
            hint=f"the API begins with {PREFIX}; {PREFIX}/docs shows all of it",
        )
    code = ErrorCode.INTERNAL if error.status >= 500 else ErrorCode.INVALID_ARGUMENT
    return HomeportError(code, error.reason)
