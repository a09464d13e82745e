"""The OpenID provider, as it is asked over HTTP: what it says of itself, its keys, and what it says about somebody."""

import json
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp

from controlplane.auth.oidc.attempt import Attempt, challenge_of
from controlplane.auth.oidc.id_token import Expected, Jwk, UnknownKey, verified_claims
from controlplane.auth.oidc.remembered import Remembered
from controlplane.auth.oidc.settings import OidcSettings, is_trustworthy, sign_in_refused
from homeport.core.errors import ErrorCode, HomeportError

_SCOPES = "openid profile email"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_ANSWER_SECONDS = 10.0
_MOST_BYTES = 512 * 1024
# What the provider says of itself is asked again after this long, its keys also when one is missing, but not each time
# that somebody brings a token with an invented one.
_KNOWN_SECONDS = 3600.0
_KEYS_AGAIN_SECONDS = 10.0


class OidcProvider:
    """`clock` is monotonic, `wall` unix time, both in seconds. Every failure of the provider is UNAVAILABLE: other ways
    of signing in go on."""

    def __init__(
        self,
        settings: OidcSettings,
        clock: Callable[[], float],
        wall: Callable[[], float],
        trust: ssl.SSLContext | bool = True,
    ) -> None:
        self.settings = settings
        self._wall = wall
        self._trust = trust
        self._metadata = Remembered(self._ask_of_itself, clock)
        self._keys = Remembered(self._ask_keys, clock)

    async def address_for(self, attempt: Attempt) -> str:
        """Where the browser is to go."""
        metadata = await self._of_itself()
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": _SCOPES,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge_of(attempt.verifier),
            "code_challenge_method": "S256",
        }
        address = str(metadata["authorization_endpoint"])
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"

    async def claims_of(self, code: str, attempt: Attempt) -> dict[str, Any]:
        """What it says about who has just signed in there. Raises UNAUTHENTICATED, UNAVAILABLE."""
        metadata = await self._of_itself()
        tokens = await self._redeem(metadata["token_endpoint"], code, attempt)
        if not isinstance(tokens.get("id_token"), str):
            raise sign_in_refused("the provider has sent no ID token")
        claims = await self._verified(tokens["id_token"], attempt.nonce)
        if self.settings.groups_claim in claims and self.settings.username_claim in claims:
            return claims
        return {**await self._more_about(metadata, tokens.get("access_token"), claims["sub"]), **claims}

    async def _verified(self, id_token: str, nonce: str) -> dict[str, Any]:
        expected = Expected(self.settings.issuer, self.settings.client_id, nonce)
        with suppress(UnknownKey):
            return verified_claims(id_token, await self._keys.get(_KNOWN_SECONDS), expected, self._wall())
        try:
            return verified_claims(id_token, await self._keys.get(_KEYS_AGAIN_SECONDS), expected, self._wall())
        except UnknownKey:
            raise sign_in_refused("the provider's ID token is signed with a key that it does not have (kid)") from None

    async def _of_itself(self) -> dict[str, Any]:
        return await self._metadata.get(_KNOWN_SECONDS)

    async def _ask_of_itself(self) -> dict[str, Any]:
        return self._checked(await self._get(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"))

    async def _ask_keys(self) -> list[Jwk]:
        keys = (await self._get((await self._of_itself())["jwks_uri"])).get("keys")
        if not isinstance(keys, list):
            raise self._away("its keys are not a JWK set")
        return [each for each in keys if isinstance(each, dict)]

    async def _redeem(self, url: str, code: str, attempt: Attempt) -> dict[str, Any]:
        settings = self.settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        # RFC 6749, 2.3.1: both are form-encoded before they are joined.
        basic = aiohttp.encode_basic_auth(quote(settings.client_id, safe=""), quote(settings.client_secret, safe=""))
        status, answer = await self._ask("POST", url, data=form, headers={"Authorization": basic})
        if status in (400, 401):
            raise sign_in_refused(f"the provider does not accept the sign-in: {_word(answer.get('error'))}")
        return self._good(url, status, answer)

    async def _more_about(self, metadata: Mapping[str, Any], access_token: object, subject: str) -> dict[str, Any]:
        """Many providers put groups nowhere else."""
        url = metadata.get("userinfo_endpoint")
        if not isinstance(url, str) or not is_trustworthy(url) or not isinstance(access_token, str):
            return {}
        status, answer = await self._ask("GET", url, headers={"Authorization": f"Bearer {access_token}"})
        told = self._good(url, status, answer)
        if told.get("sub") != subject:
            raise sign_in_refused("the provider's ID token and its user info are about different people (sub)")
        return told

    async def _get(self, url: str) -> dict[str, Any]:
        return self._good(url, *await self._ask("GET", url))

    async def _ask(self, method: str, url: str, **options: Any) -> tuple[int, dict[str, Any]]:
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(method, url, ssl=self._trust, allow_redirects=False, **options) as response,
            ):
                text = await response.content.read(_MOST_BYTES)
                answer = _json(text)
                return response.status, answer
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise self._away(f"{url}: {error or type(error).__name__}") from None

    def _good(self, url: str, status: int, answer: dict[str, Any]) -> dict[str, Any]:
        if status != 200:
            raise self._away(f"{url} answered {status}")
        return answer

    def _checked(self, metadata: dict[str, Any]) -> dict[str, Any]:
        if metadata.get("issuer") != self.settings.issuer:
            raise self._away(f"it calls itself {_word(metadata.get('issuer'))}, which is not --oidc-issuer")
        for name in _ENDPOINTS:
            if not isinstance(metadata.get(name), str) or not is_trustworthy(metadata[name]):
                raise self._away(f"it names no {name} by https")
        return metadata

    def _away(self, why: str) -> HomeportError:
        return HomeportError(
            ErrorCode.UNAVAILABLE,
            f"the OpenID provider {self.settings.issuer} cannot be asked: {why}",
            hint="try again later; signing in with a password or an access token goes on",
        )


def _json(text: bytes) -> dict[str, Any]:
    """Raises ValueError."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


def _word(text: object) -> str:
    """Of somebody else's, fit to be shown."""
    return repr(text)[:100]
