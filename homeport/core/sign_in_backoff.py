"""How fast the password of one user can be tried out, from however many addresses: each try waits longer than the last.

An address from which the user has signed in before is not held up by what others do elsewhere.
"""

from collections import OrderedDict

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.guessing import network_of

FREE_FAILURES = 5
LONGEST_WAIT_SECONDS = 300.0
# Names need not be of users that exist: what trying many of them takes is bounded, the oldest are forgotten first.
_USERS = 10_000
_KNOWN = 10_000


class SignInBackoff:
    """`now` is of one clock that never goes back, in seconds."""

    def __init__(self) -> None:
        # user -> (failures in a row, when the last one was)
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def check(self, user: str, address: str, now: float) -> None:
        """Raises TOO_MANY_REQUESTS, saying for how long."""
        seconds = self.must_wait(user, address, now)
        if seconds:
            raise HomeportError(
                ErrorCode.TOO_MANY_REQUESTS,
                "too many wrong passwords were tried for this user",
                hint="wait, and send the right one; from where you have signed in before you need not wait",
                retry_after_seconds=seconds,
            )

    def must_wait(self, user: str, address: str, now: float) -> float:
        """Seconds until a password may be tried; 0 = now."""
        failures, last = self._failures.get(user, (0, 0.0))
        if failures < FREE_FAILURES or (user, network_of(address)) in self._known:
            return 0.0
        # Capped before it is raised to a power: failures may be many.
        wait = min(2.0 ** min(failures - FREE_FAILURES, 20), LONGEST_WAIT_SECONDS)
        return max(0.0, last + wait - now)

    def failed(self, user: str, now: float) -> None:
        failures, _ = self._failures.get(user, (0, 0.0))
        self._failures[user] = failures + 1, now
        self._failures.move_to_end(user)
        if len(self._failures) > _USERS:
            self._failures.popitem(last=False)

    def succeeded(self, user: str, address: str) -> None:
        self._failures.pop(user, None)
        known = (user, network_of(address))
        self._known[known] = None
        self._known.move_to_end(known)
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
