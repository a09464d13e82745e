"""Getting and giving back a session. The context's token need not be there, or be right."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from homeport.client.contexts import Context
from homeport.client.transport import Transport


async def sign_in_methods(context: Context) -> dict[str, Any]:
    """`password`, `sso` (the OpenID provider's address, or None), and the `gateway_url` that belongs to the API."""
    return await _ask(replace(context, token=""), "GET", "auth/methods")


async def sign_in(context: Context, user: str, password: str) -> dict[str, Any]:
    """`token`, its `subject`, and until when it lasts at most, `expires_at`."""
    return await _ask(replace(context, token=""), "POST", "auth/login", {"user": user, "password": password})


async def sign_out(context: Context) -> None:
    """The session ends at once. Raises CONFLICT for a token that was made by hand."""
    await _ask(context, "POST", "auth/logout")


@dataclass(frozen=True, slots=True)
class SsoSignIn:
    """For `address` any browser will do, on any machine: what it shows in the end is for `finish`, and of no use to
    others."""

    context: Context
    verifier: str

    @classmethod
    def begin(cls, context: Context) -> "SsoSignIn":
        return cls(replace(context, token=""), secrets.token_urlsafe(32))

    @property
    def address(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return f"{self.context.api}/api/v1/auth/oidc/start?{urlencode({'cli_challenge': challenge})}"

    async def finish(self, code: str) -> dict[str, Any]:
        """As `sign_in`."""
        return await _ask(self.context, "POST", "auth/oidc/exchange", {"code": code, "verifier": self.verifier})


async def _ask(context: Context, method: str, path: str, body: Any = None) -> dict[str, Any]:
    async with Transport(context) as transport:
        return await transport.call(method, path, body=body)
