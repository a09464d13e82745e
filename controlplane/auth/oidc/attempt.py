"""One sign-in under way. The browser keeps it, signed by us, while it is at the provider.

So a sign-in that began in one browser cannot be finished in another one, and none has to be remembered here.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass

ATTEMPT_SECONDS = 600.0
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Attempt:
    """`verifier` is that of PKCE towards the provider. Afterwards the browser goes `then`, a path of ours; with a
    `cli_challenge` it shows a code instead, for the program that holds the verifier of it. `until` is unix seconds."""

    state: str
    nonce: str
    verifier: str
    then: str
    cli_challenge: str
    until: float


def begin(then: str, cli_challenge: str, now: float) -> Attempt:
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(state, nonce, verifier, own_path(then), cli_challenge, now + ATTEMPT_SECONDS)


def challenge_of(verifier: str) -> str:
    """S256 of RFC 7636."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def is_challenge(text: str) -> bool:
    return _CHALLENGE.fullmatch(text) is not None


def own_path(text: str) -> str:
    """`text`, if it is a path of ours that every browser reads as one; else empty: nobody is sent elsewhere."""
    is_path = text.startswith("/") and not text.startswith("//") and text.isascii() and text.isprintable()
    return text if is_path and "\\" not in text and " " not in text else ""


def sealed(attempt: Attempt, key: bytes) -> str:
    body = base64.urlsafe_b64encode(json.dumps(asdict(attempt)).encode()).decode()
    return f"{body}.{_signature(body, key)}"


def unsealed(text: str, key: bytes, state: str, now: float) -> Attempt | None:
    """The attempt that comes back with `state`; None when it is another one, forged, or too old."""
    body, _, signature = text.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(body, key).encode()):
        return None
    attempt = Attempt(**json.loads(base64.urlsafe_b64decode(body)))
    is_that = hmac.compare_digest(attempt.state.encode(), state.encode(errors="replace"))
    return attempt if is_that and now < attempt.until else None


def _signature(body: str, key: bytes) -> str:
    return hmac.new(key, body.encode(errors="replace"), hashlib.sha256).hexdigest()
