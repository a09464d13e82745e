"""Access tokens for people and applications: `hp1.<id>.<secret>`, of which only a hash is kept."""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from controlplane.auth.principal import Principal, Subject, SubjectKind
from controlplane.store.store import Kind, Store, Transaction
from homeport.core.access.grants import Grant, Grants
from homeport.core.access.role import Role
from homeport.core.access.scope import ORGANISATION

PREFIX = "hp1"
# Every token is an administrator's.
_ADMIN = Subject(SubjectKind.USER, "admin")
_EVERYTHING = Grants((Grant(Role.ADMIN, ORGANISATION),))


def create_access_token(tx: Transaction, name: str) -> str:
    """Writes a new token and returns its text: the only time that it exists in clear."""
    token_id = secrets.token_hex(6)
    secret = secrets.token_urlsafe(32)
    tx.create(Kind.ACCESS_TOKEN, token_id, {"name": name, "secret_sha256": _hash(secret)})
    return f"{PREFIX}.{token_id}.{secret}"


def facts_in(store: Store) -> Callable[[str], Mapping[str, Any] | None]:
    def find(token_id: str) -> Mapping[str, Any] | None:
        record = store.get(Kind.ACCESS_TOKEN, token_id)
        return record.spec if record else None

    return find


class AccessTokens:
    """`find` gives the facts of a token id from memory: no I/O. Comparison takes constant time."""

    def __init__(self, find: Callable[[str], Mapping[str, Any] | None]) -> None:
        self._find = find

    def check(self, token: str) -> Principal | None:
        parts = token.split(".")
        if len(parts) != 3 or parts[0] != PREFIX:
            return None
        facts = self._find(parts[1])
        expected = facts["secret_sha256"] if facts else _hash("")
        if not hmac.compare_digest(expected, _hash(parts[2])) or facts is None:
            return None
        return Principal(_ADMIN, parts[1], facts["name"], _EVERYTHING)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
