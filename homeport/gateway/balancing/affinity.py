"""Which requests belong together: those of one client address, or of one session as a header or a cookie names it."""

import hashlib
import secrets
from collections.abc import Callable
from typing import NamedTuple

from homeport.core.balance.balancing import Balancing, Sticky
from homeport.http1.head import Fields


class Affinity(NamedTuple):
    """`key`: equal for requests that belong together, empty when it belongs to none; it tells nothing of what it was
    made of. `lines`: header lines for the answer."""

    key: str = ""
    lines: bytes = b""


def affinity_of(balancing: Balancing, fields: Fields, client: Callable[[], str], is_tls: bool) -> Affinity:
    """A client without a session's cookie is given one. The key follows from the request alone: every gateway, also
    after a restart, makes the same of it."""
    sticky = balancing.sticky
    if sticky is not None and sticky.by == "header":
        value = dict(fields).get(sticky.name.encode("latin-1"))
        if value is not None:
            return Affinity(_key(value))
    elif sticky is not None and sticky.by == "cookie":
        return _of_cookie(sticky, fields, is_tls)
    if balancing.algorithm == "ip_hash" or (sticky is not None and sticky.by == "client_ip"):
        return Affinity(_key(client().encode()))
    return Affinity()


def _of_cookie(sticky: Sticky, fields: Fields, is_tls: bool) -> Affinity:
    for name, value in fields:
        if name == b"cookie" and (session := _session_in(value, sticky.name)):
            return Affinity(_key(session.encode()))
    session = secrets.token_urlsafe(16)
    secure = "; Secure" if is_tls else ""
    age = int(sticky.ttl_seconds)
    cookie = f"set-cookie: {sticky.name}={session}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}\r\n"
    return Affinity(_key(session.encode()), cookie.encode())


def _session_in(cookies: bytes, name: str) -> str:
    for pair in cookies.split(b";"):
        given, _, value = pair.strip().partition(b"=")
        if given == name.encode("latin-1"):
            return value.decode("latin-1")
    return ""


def _key(value: bytes) -> str:
    return hashlib.blake2b(value, digest_size=8).hexdigest()
