"""An OpenID provider that checks what its client sends, and that lies in its answers as a test tells it to."""

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey

CLIENT_ID, CLIENT_SECRET = "homeport", "s/ecret:1"
REDIRECT_URI = "http://127.0.0.1:8080/api/v1/auth/oidc/callback"


class FakeOidcProvider:
    """`claims` are what it says about whoever signs in; `lie` makes the ID token of the right claims and key."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self.claims: dict[str, Any] = {"sub": "1234", "preferred_username": "anna", "groups": ["ml"]}
        self.userinfo: dict[str, Any] = {}
        self.lie: Callable[[dict[str, Any], ECKey], str] | None = None
        self.issuer = self.said_issuer = ""
        self.asked: list[str] = []
        self.is_broken = False
        self.kid = ""
        self._wall = wall
        self._codes: dict[str, dict[str, str]] = {}
        self.new_key()

    def new_key(self) -> None:
        self.kid = secrets.token_hex(4)
        self.key = ECKey.generate_key("P-256", parameters={"kid": self.kid, "use": "sig"})

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeOidcProvider"]:
        app = web.Application(middlewares=[self._listen])
        app.router.add_get("/.well-known/openid-configuration", self._configuration)
        app.router.add_get("/jwks", self._jwks)
        app.router.add_get("/userinfo", self._userinfo)
        app.router.add_post("/token", self._token)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.issuer = self.said_issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    def authorize(self, address: str) -> str:
        """A person signs in there: where the browser is sent back to."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(f"{self.issuer}/authorize?")
        assert (query["response_type"], query["client_id"]) == ("code", CLIENT_ID)
        assert (query["redirect_uri"], query["code_challenge_method"]) == (REDIRECT_URI, "S256")
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(8)
        self._codes[code] = query
        return f"{REDIRECT_URI}?{urlencode({'code': code, 'state': query['state']})}"

    def id_claims(self, nonce: str) -> dict[str, Any]:
        now = int(self._wall())
        return {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce, **self.claims}

    @web.middleware
    async def _listen(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(request.path)
        if self.is_broken:
            return web.Response(status=503)
        response: web.StreamResponse = await handler(request)
        return response

    async def _configuration(self, _: web.Request) -> web.Response:
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        found = {name: f"{self.issuer}/{path}" for name, path in names.items()}
        return web.json_response({"issuer": self.said_issuer, "userinfo_endpoint": f"{self.issuer}/userinfo", **found})

    async def _jwks(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.as_dict(private=False)]})

    async def _userinfo(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer access"
        return web.json_response({"sub": self.claims["sub"], **self.userinfo})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        basic = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        assert basic == "homeport:s%2Fecret%3A1"
        asked = self._codes.pop(str(form["code"]), None)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or challenge != asked["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        assert (form["grant_type"], form["redirect_uri"]) == ("authorization_code", REDIRECT_URI)
        claims = self.id_claims(asked["nonce"])
        token = (
            self.lie(claims, self.key) if self.lie else jwt.encode({"alg": "ES256", "kid": self.kid}, claims, self.key)
        )
        return web.json_response({"id_token": token, "access_token": "access", "token_type": "Bearer"})
