"""Who sends a request: by the token in its header, or by the session in a browser's cookie."""

from aiohttp import web

from controlplane.api.session_cookie import CSRF_HEADER, Cookie
from controlplane.audit.actor import tried
from controlplane.auth.csrf import SAFE_METHODS, is_csrf_token
from controlplane.auth.door import Door
from controlplane.auth.login_sessions import SessionVia
from homeport.core.access.principal import Principal
from homeport.core.errors import ErrorCode, HomeportError

SESSION_COOKIE = "homeport-session"


class Callers:
    """`public_url` is the one that browsers know. A browser goes on sending the cookie of a session that has ended:
    `cookie_door` counts that apart from wrong tokens, or it would keep its user from signing in again."""

    def __init__(self, door: Door, cookie_door: Door, public_url: str) -> None:
        self.cookie = Cookie(SESSION_COOKIE, secure=public_url.startswith("https://"))
        self._door = door
        self._cookie_door = cookie_door
        self._public_url = public_url

    def identify(self, request: web.Request) -> Principal:
        """Raises UNAUTHENTICATED, TOO_MANY_REQUESTS, PERMISSION_DENIED for what another site's page has sent."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if token:
            return self._by_token(request, scheme, token.strip())
        if session := self.cookie.of(request):
            return self._by_session(request, session)
        raise HomeportError(
            ErrorCode.UNAUTHENTICATED,
            "no access token was sent",
            hint="send the header Authorization: Bearer TOKEN; `homeport login` gives you one, and the first token is "
            "in DATA_DIR/admin-token",
        )

    def must_come_from_us(self, request: web.Request) -> None:
        """Browsers say from which site's page a request comes. Raises PERMISSION_DENIED for another one's."""
        origin = request.headers.get("Origin")
        if origin is not None and origin not in (self._public_url, f"{request.scheme}://{request.host}"):
            raise _forged(
                f"the request comes from a page of another site, {origin[:200]}",
                "open this server's own pages; behind a proxy start it with --public-url",
            )

    def welcome(self, request: web.Request, text: str) -> None:
        """A session that has just begun must not wait for what was tried from its address before."""
        for door in (self._door, self._cookie_door):
            door.let_in(text, request.remote or "")

    def _by_token(self, request: web.Request, scheme: str, token: str) -> Principal:
        tried()
        known_scheme = scheme.lower() in ("bearer", "key")
        principal = self._door.check(token, request.remote or "") if known_scheme else None
        if principal is None:
            raise HomeportError(
                ErrorCode.UNAUTHENTICATED,
                "the access token is not valid",
                hint="sign in anew with `homeport login`; the first token is in DATA_DIR/admin-token",
            )
        return principal

    def _by_session(self, request: web.Request, session: str) -> Principal:
        principal = self._cookie_door.check(session, request.remote or "")
        if principal is None or principal.session != SessionVia.BROWSER:
            raise HomeportError(ErrorCode.UNAUTHENTICATED, "the session has ended", hint="sign in again")
        tried()
        self.must_come_from_us(request)
        is_upgrade = "upgrade" in request.headers.get("Connection", "").lower()
        if is_upgrade and "Origin" not in request.headers:
            raise _forged("a WebSocket with a session's cookie must say its origin", "send an access token instead")
        if request.method not in SAFE_METHODS and not is_csrf_token(request.headers.get(CSRF_HEADER, ""), session):
            raise _forged(
                f"the header {CSRF_HEADER} is missing or wrong",
                "send what GET /api/v1/whoami says as `csrf_token`",
            )
        return principal


def _forged(message: str, hint: str) -> HomeportError:
    return HomeportError(ErrorCode.PERMISSION_DENIED, message, hint=hint)
