"""Access tokens, checked on every request."""

from collections.abc import Callable

from homeport.core.guessing import Guesses
from homeport.gateway.callers.invocation import Invoker
from homeport.gateway.callers.principal import Principal

# How long a revoked token may still pass.
_TRUSTED_SECONDS = 2.0
_REMEMBERED = 4096


class TokenCheck:
    """Remembers accepted tokens for a moment: hashing one costs as much as the rest of its request's routing."""

    def __init__(self, check: Callable[[str], Principal | None], clock: Callable[[], float], guesses: Guesses) -> None:
        self._check = check
        self._clock = clock
        self._accepted: dict[bytes, tuple[float, Invoker]] = {}
        self._guesses = guesses

    def invoker(self, authorization: bytes | None, address: Callable[[], str]) -> Invoker | None:
        """Of the Authorization header's value; None when it is missing, no bearer token or key, unknown or revoked.
        Raises TOO_MANY_REQUESTS when too many wrong ones came from the `address`."""
        if authorization is None:
            return None
        now = self._clock()
        known = self._accepted.get(authorization)
        if known is not None and known[0] > now:
            return known[1]
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() not in (b"bearer", b"key") or not token.isascii():
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
        invoker = Invoker(principal)
        self._accepted[authorization] = (now + _TRUSTED_SECONDS, invoker)
        return invoker
