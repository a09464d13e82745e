"""Codes that a browser shows when somebody has signed in for a program without one, and that the program brings."""

import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from controlplane.auth.oidc.attempt import challenge_of

CODE_SECONDS = 300.0
_MOST = 1000


@dataclass(frozen=True, slots=True)
class _Shown:
    user_id: str
    challenge: str
    until: float


class PasteCodes:
    """Each is good once, for minutes, and only with the verifier of the challenge with which its sign-in began: who
    reads it over a shoulder can do nothing with it. `now` is of one clock that never goes back, in seconds."""

    def __init__(self) -> None:
        self._shown: OrderedDict[str, _Shown] = OrderedDict()

    def make(self, user_id: str, challenge: str, now: float) -> str:
        code = secrets.token_urlsafe(12)
        self._shown[code] = _Shown(user_id, challenge, now + CODE_SECONDS)
        if len(self._shown) > _MOST:
            self._shown.popitem(last=False)
        return code

    def redeem(self, code: str, verifier: str, now: float) -> str | None:
        """Whose it is; None for one that is unknown, used, too old, or of another program. One try ends it."""
        shown = self._shown.pop(code, None)
        if shown is None or now >= shown.until:
            return None
        is_its = hmac.compare_digest(challenge_of(verifier).encode(), shown.challenge.encode())
        return shown.user_id if is_its else None
