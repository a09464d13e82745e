"""Making access tokens for people and programs: `hp1.<id>.<secret>`, of which only a hash is kept."""

import secrets
from typing import Any

from controlplane.store.store import Kind, Record, Transaction
from homeport.gateway.callers.access_tokens import PREFIX, hash_of


def create_access_token(
    tx: Transaction,
    name: str,
    owner: str,
    *,
    permissions: list[str] | None = None,
    models: list[str] | None = None,
    expires_at: float | None = None,
    created_by: str = "",
    session: dict[str, Any] | None = None,
    limits: dict[str, Any] | None = None,
) -> tuple[Record, str]:
    """Writes a new token. Its text is returned this once: only here it exists in clear. `session` says of one that
    somebody got by signing in where it is kept: {via, idle_seconds}."""
    token_id = secrets.token_hex(6)
    secret = _new_secret()
    spec = {
        "name": name,
        "owner": owner,
        "permissions": permissions,
        "models": models,
        "expires_at": expires_at,
        "created_by": created_by or owner,
        "secret_sha256": hash_of(secret),
        "previous": None,
        "session": session,
        "limits": limits,
    }
    return tx.create(Kind.ACCESS_TOKEN, token_id, spec), _text(token_id, secret)


def rotate_access_token(tx: Transaction, record: Record, overlap_seconds: float) -> tuple[Record, str]:
    """A new text of the same token. The old one is accepted for `overlap_seconds` more; one before that no longer."""
    secret = _new_secret()
    spec: dict[str, Any] = {**record.spec, "secret_sha256": hash_of(secret), "previous": None}
    if overlap_seconds > 0:
        spec["previous"] = {"secret_sha256": record.spec["secret_sha256"], "until": tx.now + overlap_seconds}
    return tx.put_spec(Kind.ACCESS_TOKEN, record.id, spec), _text(record.id, secret)


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _text(token_id: str, secret: str) -> str:
    return f"{PREFIX}.{token_id}.{secret}"
