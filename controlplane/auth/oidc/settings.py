"""How this server is known to an OpenID provider."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from homeport.core.errors import ErrorCode, HomeportError

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """`redirect_uri` is the one that is registered at the provider. An empty `ca_file` trusts the system's CAs; without
    `new_users` only those sign in whom an administrator has made."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    groups_claim: str = "groups"
    username_claim: str = "preferred_username"
    ca_file: str = ""
    new_users: bool = True


def is_trustworthy(url: str) -> bool:
    """Whether what is read there can be believed: by https, or from this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def sign_in_refused(message: str, hint: str = "begin anew; if it stays so, tell your administrator") -> HomeportError:
    """What the provider says about somebody does not hold."""
    return HomeportError(ErrorCode.UNAUTHENTICATED, message, hint=hint)
