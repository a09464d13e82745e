"""Signing in and out, and passwords."""

from typing import Annotated

from pydantic import Field

from homeport.schema.answer import Answer
from homeport.schema.base import ApiModel

# A rule on length would be told with a field's name only: homeport.core.password_rule says it in words.
Password = Annotated[str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})]


class LoginRequest(ApiModel):
    user: str = Field(min_length=1, max_length=200)
    """Its id."""
    password: Password
    cookie: bool = False
    """For browsers: the session is kept in a cookie that scripts cannot read, and no token is answered."""


class PasswordChange(ApiModel):
    password: Password
    """The new one."""
    current: Password | None = None
    """The old one; needed for one's own, unless one administers the organisation."""


class ExchangeRequest(ApiModel):
    """The second half of a sign-in that a browser did for a program without one."""

    code: str = Field(min_length=1, max_length=200)
    """What the browser showed."""
    verifier: str = Field(min_length=43, max_length=128, pattern=r"^[A-Za-z0-9._~-]+$")
    """That of the challenge with which the browser was sent (RFC 7636)."""


class SignedIn(Answer):
    subject: str
    """`user/ID`."""
    session_id: str
    """The id of its access token: deleting that ends the session."""
    expires_at: float
    """Unix seconds; it ends before when it is not used for long."""
    token: str | None
    """For `Authorization: Bearer`; null where a cookie was asked for."""
    csrf_token: str | None
    """With a cookie, whatever changes something needs it as the header X-CSRF-Token. GET /whoami says it again."""


class SignInMethods(Answer):
    password: bool
    sso: str | None
    """The issuer of the OpenID provider; null = there is none."""
    gateway_url: str
