"""Checking access tokens, `hp1.<id>.<secret>`, against what is known of them: no I/O, and only hashes are known."""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any

from homeport.core.access.grants import Grant, Grants
from homeport.core.access.permission import Permission
from homeport.core.access.principal import Principal, Subject, SubjectKind
from homeport.core.access.role import Role
from homeport.core.access.scope import parse_scope
from homeport.core.limits.limits import limits_of

PREFIX = "hp1"
# Plain JSON, as gateways get it: name, owner, secret_sha256, previous, expires_at, limit, models, session, limits,
# grants.
Facts = Mapping[str, Any]


class AccessTokens:
    """`find` gives the facts of a token id from memory: no I/O. `wall` is unix seconds. Comparison takes constant
    time. `last_uses`: token id -> when it was accepted last, for whoever writes that down."""

    def __init__(self, find: Callable[[str], Facts | None], wall: Callable[[], float] = time.time) -> None:
        self.last_uses: dict[str, float] = {}
        self._find = find
        self.wall = wall
        self._principals: dict[str, tuple[Facts, Principal]] = {}

    def check(self, token: str) -> Principal | None:
        parts = token.split(".")
        if len(parts) != 3 or parts[0] != PREFIX:
            return None
        facts = self._find(parts[1])
        if not _is_secret(facts, parts[2], self.wall()) or facts is None:
            return None
        self.last_uses[parts[1]] = self.wall()
        return self._principal(parts[1], facts)

    def take_uses(self) -> dict[str, float]:
        taken, self.last_uses = self.last_uses, {}
        return taken

    def note_uses(self, uses: Mapping[str, float]) -> None:
        """What others have accepted."""
        for token_id, at in uses.items():
            self.last_uses[token_id] = max(at, self.last_uses.get(token_id, 0.0))

    def _principal(self, token_id: str, facts: Facts) -> Principal:
        known = self._principals.get(token_id)
        if known is None or known[0] is not facts:
            known = self._principals[token_id] = facts, principal_of(token_id, facts)
        return known[1]


def principal_of(token_id: str, facts: Facts) -> Principal:
    """What a newer server knows and this one does not is passed over."""
    kind, _, id = facts["owner"].partition("/")
    granted = tuple(Grant(Role(role), parse_scope(scope)) for role, scope in facts["grants"] if role in set(Role))
    grants = Grants(granted)
    if facts["limit"] is not None:
        grants = grants.narrowed(Permission(each) for each in facts["limit"] if each in set(Permission))
    models = None if facts["models"] is None else frozenset(facts["models"])
    limits = limits_of(facts.get("limits"))
    session = facts.get("session", "")
    return Principal(Subject(SubjectKind(kind), id), token_id, facts["name"], grants, models, session, limits)


def _is_secret(facts: Facts | None, secret: str, now: float) -> bool:
    """As slow for an unknown token as for a known one."""
    given = hash_of(secret)
    if facts is None:
        hmac.compare_digest(hash_of(""), given)
        return False
    previous = facts["previous"] or {"secret_sha256": "", "until": 0.0}
    is_new = hmac.compare_digest(facts["secret_sha256"], given)
    is_old = hmac.compare_digest(previous["secret_sha256"], given) and now < previous["until"]
    expires_at = facts["expires_at"]
    return (is_new or is_old) and (expires_at is None or now < expires_at)


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
