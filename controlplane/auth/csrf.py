"""Requests that a browser sends with a session's cookie on its own must come from our own pages."""

import hashlib
import hmac

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def csrf_token_of(session: str) -> str:
    """Follows from the cookie, which other sites cannot read; it says nothing about it."""
    return hmac.new(session.encode(), b"homeport csrf", hashlib.sha256).hexdigest()


def is_csrf_token(given: str, session: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), csrf_token_of(session).encode())
