"""Signing in by password, and out."""

from aiohttp import web

from controlplane.api.callers import Callers
from controlplane.api.dependencies import ApiDependencies
from controlplane.api.opening import Opening
from controlplane.api.routing import Answer, Call, Route
from controlplane.audit.actor import tried
from controlplane.audit.sign_ins import note_sign_out
from controlplane.auth.login_sessions import SessionVia
from controlplane.auth.password_sign_in import PasswordSignIn
from controlplane.store.store import Kind, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.sign_in import LoginRequest, SignedIn, SignInMethods

_TAG = "sign-in"
_REFUSED = (ErrorCode.UNAUTHENTICATED, ErrorCode.PERMISSION_DENIED, ErrorCode.TOO_MANY_REQUESTS)


class SignIn:
    def __init__(
        self, dependencies: ApiDependencies, callers: Callers, passwords: PasswordSignIn, opening: Opening
    ) -> None:
        self._store = dependencies.store
        self._oidc = dependencies.oidc
        self._gateway_url = dependencies.urls.gateway
        self._callers = callers
        self._passwords = passwords
        self._opening = opening

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/auth/methods", self.methods, _TAG, "How one can sign in here", response=SignInMethods,
                  public=True),
            Route("POST", "/auth/login", self.login, _TAG, "Sign in with user and password", body=LoginRequest,
                  response=SignedIn, errors=_REFUSED, public=True),
            Route("POST", "/auth/logout", self.logout, _TAG, "End this session", status=204,
                  errors=(ErrorCode.CONFLICT, ErrorCode.UNAVAILABLE, ErrorCode.STORAGE_FULL),
                  anyone="it ends one's own session"),
        ]  # fmt: skip

    async def methods(self, call: Call) -> Answer:
        issuer = self._oidc.settings.issuer if self._oidc else None
        return {"password": True, "sso": issuer, "gateway_url": self._gateway_url}

    async def login(self, call: Call) -> Answer:
        """JSON alone is taken, which other sites' forms cannot send; and no page of theirs may sign one in."""
        request: LoginRequest = call.body
        self._callers.must_come_from_us(call.request)
        tried("user", request.user if self._store.get(Kind.USER, request.user) else "")
        await self._passwords.check(request.user, request.password, call.request.remote or "")
        via = SessionVia.BROWSER if request.cookie else SessionVia.CLI
        opened = await self._opening.open(call.request, request.user, via, "password")
        response = web.json_response(opened.answer)
        if request.cookie:
            self._opening.put_cookie(response, opened)
        return response

    async def logout(self, call: Call) -> Answer:
        principal = call.principal
        if not principal.session:
            raise HomeportError(
                ErrorCode.CONFLICT,
                "this access token is not from signing in",
                hint=f"to revoke it: homeport token delete {principal.token_id}",
            )

        def change(tx: Transaction) -> None:
            if tx.get(Kind.ACCESS_TOKEN, principal.token_id) is not None:
                tx.delete(Kind.ACCESS_TOKEN, principal.token_id)
                note_sign_out(tx, principal.subject.id, principal.token_id)

        await self._store.write(change)
        response = web.Response(status=204)
        self._callers.cookie.remove(response)
        return response
