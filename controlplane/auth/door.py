"""Where access tokens are checked that come from outside."""

from collections.abc import Callable

from homeport.core.access.principal import Principal
from homeport.core.guessing import Guesses


class Door:
    """`clock` is monotonic, in seconds."""

    def __init__(self, check: Callable[[str], Principal | None], guesses: Guesses, clock: Callable[[], float]) -> None:
        self._check = check
        self._guesses = guesses
        self._clock = clock

    def check(self, token: str, address: str) -> Principal | None:
        """None for one that is not valid. Raises TOO_MANY_REQUESTS when too many such came from the address."""
        self._guesses.check(address, token, self._clock())
        principal = self._check(token)
        if principal is None:
            self._guesses.failed(address, self._clock())
        else:
            self.let_in(token, address)
        return principal

    def let_in(self, token: str, address: str) -> None:
        """It is known to be right, and need not wait for what others try from there."""
        self._guesses.succeeded(address, token)
