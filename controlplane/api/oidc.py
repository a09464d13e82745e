"""Signing in at the OpenID provider, and what the browser shows when it is back."""

import secrets

from aiohttp import web
from pydantic import ConfigDict, Field

from controlplane.api.callers import Callers
from controlplane.api.dependencies import ApiDependencies
from controlplane.api.opening import Opening
from controlplane.api.page import page
from controlplane.api.routing import Answer, Call, Query, Route
from controlplane.api.session_cookie import Cookie
from controlplane.audit.actor import recognised, tried
from controlplane.auth.login_sessions import SessionVia
from controlplane.auth.oidc.attempt import ATTEMPT_SECONDS, Attempt, begin, is_challenge, sealed, unsealed
from controlplane.auth.oidc.identity import person_of, sign_in_person
from controlplane.auth.oidc.paste_codes import PasteCodes
from controlplane.auth.oidc.provider import OidcProvider
from controlplane.auth.oidc.settings import sign_in_refused
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.guessing import Guesses
from homeport.schema.sign_in import ExchangeRequest, SignedIn

_TAG = "sign-in"
_NOT_OFFERED = (ErrorCode.NOT_FOUND, ErrorCode.UNAVAILABLE)
_REFUSED = (ErrorCode.UNAUTHENTICATED, ErrorCode.PERMISSION_DENIED, ErrorCode.TOO_MANY_REQUESTS)
_ANEW = "begin anew on the page, or with the command, with which you sign in"
_PASTE = (
    "Only if you have run `homeport login --sso` yourself: paste this code there. Whoever asks you for it in "
    "another way wants to sign in as you."
)


class StartQuery(Query):
    next: str = Field(default="", max_length=2000)
    """A path of this server, to which the browser goes afterwards."""
    cli_challenge: str = Field(default="", max_length=43)
    """The S256 challenge of a program for which somebody signs in: the browser shows a code for it."""


class CallbackQuery(Query):
    """As the provider sends the browser back. What it says beside that is of no use here."""

    model_config = ConfigDict(extra="ignore")

    state: str = Field(default="", max_length=200)
    code: str = Field(default="", max_length=4000)
    error: str = Field(default="", max_length=200)


class Oidc:
    """The key with which attempts are signed lasts as long as this process does."""

    def __init__(self, dependencies: ApiDependencies, callers: Callers, opening: Opening) -> None:
        self._store = dependencies.store
        self._oidc = dependencies.oidc
        self._guesses: Guesses = dependencies.guesses
        self._clock = dependencies.monotonic
        self._wall = dependencies.access_tokens.wall
        self._opening = opening
        self._codes = PasteCodes()
        self._key = secrets.token_bytes(32)
        self._cookie = Cookie("homeport-sign-in", callers.cookie.secure)

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/auth/oidc/start", self.start, _TAG, "Send the browser to the OpenID provider", status=303,
                  query=StartQuery, media_type="text/html", errors=_NOT_OFFERED, public=True),
            Route("GET", "/auth/oidc/callback", self.callback, _TAG, "Where the provider sends the browser back to",
                  query=CallbackQuery, media_type="text/html", errors=(*_NOT_OFFERED, *_REFUSED), public=True),
            Route("POST", "/auth/oidc/exchange", self.exchange, _TAG, "Get a session for the code that a browser shows",
                  body=ExchangeRequest, response=SignedIn, errors=_REFUSED, public=True),
        ]  # fmt: skip

    async def start(self, call: Call) -> Answer:
        query: StartQuery = call.query
        if query.cli_challenge and not is_challenge(query.cli_challenge):
            message = "must be the base64url text of a SHA-256, 43 characters"
            raise HomeportError(ErrorCode.INVALID_ARGUMENT, message, path="cli_challenge")
        attempt = begin(query.next, query.cli_challenge, self._wall())
        response = web.Response(status=303, headers={"Location": await self._provider.address_for(attempt)})
        self._cookie.put(response, sealed(attempt, self._key), ATTEMPT_SECONDS)
        return response

    async def callback(self, call: Call) -> Answer:
        tried()
        query: CallbackQuery = call.query
        provider = self._provider
        attempt = unsealed(self._cookie.of(call.request), self._key, query.state, self._wall())
        if attempt is None:
            raise sign_in_refused("this is not the sign-in that this browser has begun, or it took too long", _ANEW)
        if query.error or not query.code:
            raise sign_in_refused(f"the provider has let nobody in: {query.error or 'it sent no code'}", _ANEW)
        person = person_of(await provider.claims_of(query.code, attempt), provider.settings)
        recognised(f"oidc/{person.subject}", "")
        new_users = provider.settings.new_users
        user_id = await self._store.write(lambda tx: sign_in_person(tx, person, new_users))
        response = await self._let_in(call.request, user_id, attempt)
        self._cookie.remove(response)
        return response

    async def _let_in(self, request: web.Request, user_id: str, attempt: Attempt) -> web.Response:
        if attempt.cli_challenge:
            code = self._codes.make(user_id, attempt.cli_challenge, self._clock())
            return page(f"Signed in as {user_id}", _PASTE, code)
        opened = await self._opening.open(request, user_id, SessionVia.BROWSER, "sso")
        if attempt.then:
            response = web.Response(status=303, headers={"Location": attempt.then})
        else:
            response = page(f"Signed in as {user_id}", "You can close this window.")
        self._opening.put_cookie(response, opened)
        return response

    async def exchange(self, call: Call) -> Answer:
        request: ExchangeRequest = call.body
        tried()
        address = call.request.remote or ""
        self._guesses.check(address, "", self._clock())
        user_id = self._codes.redeem(request.code, request.verifier, self._clock())
        if user_id is None:
            self._guesses.failed(address, self._clock())
            raise sign_in_refused("the code is wrong, used already or too old", "begin anew: homeport login --sso")
        return (await self._opening.open(call.request, user_id, SessionVia.CLI, "sso")).answer

    @property
    def _provider(self) -> OidcProvider:
        if self._oidc is None:
            raise HomeportError(
                ErrorCode.NOT_FOUND,
                "this server knows no OpenID provider",
                hint="sign in with a password; an administrator can start it with --oidc-issuer",
            )
        return self._oidc
