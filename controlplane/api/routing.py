"""Typed routes: what a route takes and gives is said once, for the router and for OpenAPI."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from controlplane.api.body import read_json
from controlplane.api.lasting import while_allowed
from controlplane.audit.actor import recognised
from controlplane.auth.guard import Guard
from controlplane.auth.places import Objects
from homeport.core.access.permission import Permission
from homeport.core.access.principal import NOBODY, Principal
from homeport.core.access.scope import Place
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.base import ApiModel
from homeport.schema.documents import parse_spec

PREFIX = "/api/v1"
# Who sends a request. Raises UNAUTHENTICATED, TOO_MANY_REQUESTS, PERMISSION_DENIED for a forged one.
Identify = Callable[[web.Request], Principal]

# Whether the caller may, by the path's parameters. Raises PERMISSION_DENIED, NOT_FOUND for what is hidden.
At = Callable[[Guard, Permission, Mapping[str, str]], None]


def in_organisation(guard: Guard, permission: Permission, path: Mapping[str, str]) -> None:
    """For what belongs to the organisation as a whole."""
    guard.must_hold(permission, Place())


def somewhere(guard: Guard, permission: Permission, path: Mapping[str, str]) -> None:
    """For lists, which show what may be seen; and before a body is read that says where an object is to be."""
    guard.must_hold_somewhere(permission)


@dataclass(frozen=True, slots=True)
class Call:
    """One request after all checks: `path` holds the path's parameters, `body` and `query` what the route declares.
    `again` gives the caller as it is by now; it raises UNAUTHENTICATED once the token is revoked."""

    request: web.Request
    path: dict[str, str]
    body: Any = None
    query: Any = None
    principal: Principal = NOBODY
    again: Callable[[], Principal] = lambda: NOBODY

    @property
    def guard(self) -> Guard:
        return Guard(self.principal)


# A JSON object or its text, None for 204, or a response that the handler has made itself.
Answer = dict[str, Any] | bytes | web.StreamResponse | None
Handler = Callable[[Call], Coroutine[Any, Any, Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """`path` is below PREFIX. `root` begins the paths in errors about the body. `response` is the answer's form, for
    a list (`many`) that of each item; None = `media_type` says what it is, or 204.

    A route needs `permission` `at` the place of its object, or it is `public`, or it is for `anyone` with a token: the
    text says why. `lasting`: the answer goes on for long, and ends when the caller may no longer have it."""

    method: str
    path: str
    handler: Handler
    tag: str
    summary: str
    body: type[ApiModel] | None = None
    root: str = ""
    query: "type[Query] | None" = None
    status: int = 200
    response: type[BaseModel] | None = None
    many: bool = False
    media_type: str = "application/json"
    errors: tuple[ErrorCode, ...] = ()
    permission: Permission | None = None
    at: At | None = None
    public: bool = False
    anyone: str = ""
    lasting: bool = False
    # Puts into the body what the path says already, before the body is checked.
    complete: Callable[[Any, Mapping[str, str]], Any] = lambda body, path: body

    @property
    def is_declared(self) -> bool:
        """Whether it says in one way who may ask it."""
        needs = self.permission is not None and self.at is not None
        return [needs, self.public, bool(self.anyone)].count(True) == 1


def add_routes(app: web.Application, routes: Sequence[Route], identify: Identify, objects: Objects) -> None:
    """`objects` are what errors may name. Raises ValueError for a route that does not say who may ask it."""
    for route in routes:
        if not route.is_declared:
            raise ValueError(f"{route.method} {route.path} declares no permission and place")
        app.router.add_route(route.method, PREFIX + route.path, _endpoint(route, identify, objects))


def _endpoint(
    route: Route, identify: Identify, objects: Objects
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def endpoint(request: web.Request) -> web.StreamResponse:
        principal = NOBODY if route.public else identify(request)
        if not route.public:
            recognised(str(principal.subject), principal.token_id)
        try:
            return await answer(request, principal)
        except HomeportError as error:
            raise Guard(principal).without_names(error, objects) from None

    async def answer(request: web.Request, principal: Principal) -> web.StreamResponse:
        path = dict(request.match_info)
        _authorise(route, principal, path)
        query_type = route.query or NoQuery
        query = parse_spec(query_type, _query_of(request, query_type), "")
        body = None
        if route.body is not None:
            body = parse_spec(route.body, route.complete(await read_json(request), path), route.root)

        def again() -> Principal:
            principal = identify(request)
            _authorise(route, principal, path)
            return principal

        handling = route.handler(Call(request, path, body, query, principal, again))
        answer = await (while_allowed(request, handling, again) if route.lasting else handling)
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer is None:
            return web.Response(status=204)
        if isinstance(answer, bytes):
            return web.Response(body=answer, status=route.status, content_type="application/json", charset="utf-8")
        return web.json_response(answer, status=route.status)

    return endpoint


def _authorise(route: Route, principal: Principal, path: Mapping[str, str]) -> None:
    if route.permission is not None and route.at is not None:
        route.at(Guard(principal), route.permission, path)


class Query(ApiModel):
    """Query parameters are text, so numbers and booleans are read from it. Those that are `repeatable` may be given
    several times, which means the same as once with commas."""

    repeatable: ClassVar[frozenset[str]] = frozenset()

    model_config = ConfigDict(strict=False)


class NoQuery(Query):
    pass


def _query_of(request: web.Request, query: type[Query]) -> dict[str, str]:
    for name in request.query:
        if len(request.query.getall(name)) > 1 and name not in query.repeatable:
            raise HomeportError(ErrorCode.INVALID_ARGUMENT, "given more than once", path=name)
    return {name: ",".join(request.query.getall(name)) for name in request.query}
