"""Access tokens, checked on every request."""

from collections.abc import Callable
from typing import Protocol

from homeport.core.guessing import Guesses

# How long a revoked token may still pass.
_TRUSTED_SECONDS = 2.0
_REMEMBERED = 4096


class Principal(Protocol):
    @property
    def token_id(self) -> str: ...


class TokenCheck:
    """Remembers accepted tokens for a moment: hashing one costs as much as the rest of its request's routing."""

    def __init__(self, check: Callable[[str], Principal | None], clock: Callable[[], float]) -> None:
        self._check = check
        self._clock = clock
        self._accepted: dict[bytes, tuple[float, Principal]] = {}
        self._guesses = Guesses()

    def principal(self, authorization: bytes | None, address: Callable[[], str]) -> Principal | None:
        """Of the Authorization header's value; None when it is missing, no bearer token, unknown or revoked. Raises
        TOO_MANY_REQUESTS when too many wrong ones came from the `address`."""
        if authorization is None:
            return None
        now = self._clock()
        known = self._accepted.get(authorization)
        if known is not None and known[0] > now:
            return known[1]
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or not token.isascii():
            return None
        text = token.strip().decode()
        self._guesses.check(address(), text, now)
        principal = self._check(text)
        if principal is None:
            self._accepted.pop(authorization, None)
            self._guesses.failed(address(), now)
            return None
        self._guesses.succeeded(address(), text)
        if len(self._accepted) >= _REMEMBERED:
            self._accepted.clear()
        self._accepted[authorization] = (now + _TRUSTED_SECONDS, principal)
        return principal
