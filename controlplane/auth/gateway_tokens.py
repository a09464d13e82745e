"""Join tokens of gateways on hosts of their own: `hp1.<name>.<secret>.<CA pin>`, good for one host.

A gateway is an object from the moment its token is made. Its record keeps a hash of the secret, and of the key that
joined with it: whoever shows another key is not this gateway.
"""

import hashlib
import hmac
import secrets
from typing import Any

from controlplane.auth.join_tokens import RETRY_SECONDS
from controlplane.fleet.gateway_size import GATEWAY
from controlplane.store.store import Kind, Record, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.names import ID_RULE, is_valid_id

# Their workers would be called as those beside the control plane.
_RESERVED = frozenset({GATEWAY, "gateway"})
_REFUSED = "the join token is unknown, used or expired"


class GatewayTokens:
    def __init__(self, pin: str) -> None:
        self._pin = pin

    def create(self, tx: Transaction, name: str, ttl_seconds: int) -> tuple[str, float]:
        """The token, the only time that it exists, and until when it is good (unix seconds).

        Makes the gateway, or replaces the token of the one that there is: that one goes on until another host joins.
        """
        if name in _RESERVED or not is_valid_id(name):
            raise HomeportError(
                ErrorCode.INVALID_ARGUMENT,
                f"{name!r} cannot be the name of a gateway on a host of its own",
                hint=f"{ID_RULE}; {' and '.join(sorted(_RESERVED))} are taken",
                path="gateway",
            )
        secret = secrets.token_urlsafe(32)
        join: dict[str, Any] = {"secret_sha256": _hash(secret), "expires_at": tx.now + ttl_seconds}
        record = tx.get(Kind.GATEWAY, name)
        if record is None:
            tx.create(Kind.GATEWAY, name, {"workers": 1, "join": join})
        else:
            tx.put_spec(Kind.GATEWAY, name, {**record.spec, "join": join})
        return f"hp1.{name}.{secret}.{self._pin}", join["expires_at"]


def redeem(tx: Transaction, token: str, key_sha256: str, host: str) -> Record:
    """The gateway that the token names, which from now on has this key. The same key may ask again within
    RETRY_SECONDS. Raises UNAUTHENTICATED."""
    record = _find(tx, token)
    join, status = record.spec["join"], record.status
    if status.get("joined_with") == join["secret_sha256"]:
        same_key = hmac.compare_digest(status["key_sha256"], key_sha256)
        if not same_key or tx.now > status["joined_at"] + RETRY_SECONDS:
            raise _refused(record.id)
        return record
    if tx.now > join["expires_at"]:
        raise _refused(record.id)
    joined: dict[str, Any] = {
        "key_sha256": key_sha256,
        "joined_with": join["secret_sha256"],
        "joined_at": tx.now,
        "host": host,
    }
    return tx.put_status(Kind.GATEWAY, record.id, joined)


def is_known(record: Record | None, key_sha256: str) -> bool:
    """Whether the holder of this key is that gateway."""
    known = record.status.get("key_sha256") if record is not None else None
    return known is not None and hmac.compare_digest(known, key_sha256)


def _find(tx: Transaction, token: str) -> Record:
    parts = token.split(".")
    record = tx.get(Kind.GATEWAY, parts[1]) if len(parts) == 4 and parts[0] == "hp1" else None
    join = record.spec.get("join") if record is not None else None
    # Takes as long for a token that does not exist.
    expected, given = join["secret_sha256"] if join else _hash(""), _hash(parts[2] if len(parts) > 2 else "")
    if not hmac.compare_digest(expected, given) or record is None or not join:
        raise _refused("NAME")
    return record


def _refused(name: str) -> HomeportError:
    hint = f"make a new one: homeport gateway join-token {name}"
    return HomeportError(ErrorCode.UNAUTHENTICATED, _REFUSED, hint=hint)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
