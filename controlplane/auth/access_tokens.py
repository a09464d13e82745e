"""Access tokens for people and applications: `hp1.<id>.<secret>`, of which only a hash is kept."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from controlplane.store.store import Kind, Record, Transaction

PREFIX = "hp1"


@dataclass(frozen=True, slots=True)
class Principal:
    token_id: str
    name: str


def create_access_token(tx: Transaction, name: str) -> str:
    """Writes a new token and returns its text: the only time that it exists in clear."""
    token_id = secrets.token_hex(6)
    secret = secrets.token_urlsafe(32)
    tx.create(Kind.ACCESS_TOKEN, token_id, {"name": name, "secret_sha256": _hash(secret)})
    return f"{PREFIX}.{token_id}.{secret}"


class AccessTokens:
    """Checks tokens against the store's memory: no I/O, constant-time comparison."""

    def __init__(self, find: Callable[[Kind, str], Record | None]) -> None:
        self._find = find

    def check(self, token: str) -> Principal | None:
        parts = token.split(".")
        if len(parts) != 3 or parts[0] != PREFIX:
            return None
        record = self._find(Kind.ACCESS_TOKEN, parts[1])
        expected = record.spec["secret_sha256"] if record else _hash("")
        if not hmac.compare_digest(expected, _hash(parts[2])) or record is None:
            return None
        return Principal(record.id, record.spec["name"])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
