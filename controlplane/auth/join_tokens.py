"""Join tokens: `hp1.<id>.<secret>.<CA pin>`, good for one host. Only a hash of the secret is kept."""

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from controlplane.fleet.node_approval import WAITS_SINCE
from controlplane.store.store import Kind, Record, Transaction
from homeport.core.errors import ErrorCode, HomeportError

# How long a host whose reply got lost may ask again with the same key.
RETRY_SECONDS = 600
_REFUSED = "the join token is unknown, used or expired"
_NEW_TOKEN = "make a new one: homeport join-token create --nodepool CLUSTER/NODEPOOL"


@dataclass(frozen=True, slots=True)
class Host:
    """What a joining host says of itself. Advisory: its identity is what the server issues."""

    hostname: str
    machine_id: str
    agent_version: str


@dataclass(frozen=True, slots=True)
class Use:
    """Of a token. `certificate` (PEM) is what the first use was answered with, good until `certificate_until` (unix
    seconds); empty at the first use."""

    node: Record
    certificate: bytes = b""
    certificate_until: float = 0.0


class JoinTokens:
    def __init__(self, pin: str) -> None:
        self.pin = pin

    def create(self, tx: Transaction, nodepool_key: str, ttl_seconds: int) -> tuple[str, str]:
        """(token id, token text): the only time that the text exists. Raises NOT_FOUND for an unknown nodepool."""
        if tx.get(Kind.NODEPOOL, nodepool_key) is None:
            raise HomeportError(
                ErrorCode.NOT_FOUND,
                f"nodepool {nodepool_key} does not exist",
                hint="homeport nodepool list shows those that do",
                path="join_token.nodepool",
            )
        token_id = secrets.token_hex(6)
        secret = secrets.token_urlsafe(32)
        spec = {"nodepool": nodepool_key, "expires_at": tx.now + ttl_seconds, "secret_sha256": _hash(secret)}
        tx.create(Kind.JOIN_TOKEN, token_id, spec)
        return token_id, f"hp1.{token_id}.{secret}.{self.pin}"


def redeem(tx: Transaction, token: str, key_sha256: str, host: Host) -> Use:
    """The node that this token and key stand for, created at first use.

    The first use binds the token to the key: the same key may ask again within RETRY_SECONDS and gets the same node,
    another key never. Raises UNAUTHENTICATED, or CONFLICT when the nodepool is full.
    """
    record = _find(tx, token)
    if record.status:
        return _retry(tx, record, key_sha256)
    if tx.now > record.spec["expires_at"]:
        raise HomeportError(ErrorCode.UNAUTHENTICATED, _REFUSED, hint=_NEW_TOKEN)
    node = _create_node(tx, record.spec["nodepool"], host)
    tx.put_status(Kind.JOIN_TOKEN, record.id, {"key_sha256": key_sha256, "node_id": node.id, "used_at": tx.now})
    return Use(node)


def keep_certificate(tx: Transaction, token: str, pem: bytes, until: float) -> None:
    """What a retry of this token is answered with."""
    record = _find(tx, token)
    tx.put_status(
        Kind.JOIN_TOKEN, record.id, {**record.status, "certificate": pem.decode(), "certificate_until": until}
    )


def _find(tx: Transaction, token: str) -> Record:
    parts = token.split(".")
    record = tx.get(Kind.JOIN_TOKEN, parts[1]) if len(parts) == 4 and parts[0] == "hp1" else None
    # Takes as long for a token that does not exist.
    expected, given = record.spec["secret_sha256"] if record else _hash(""), _hash(parts[2] if len(parts) > 2 else "")
    if not hmac.compare_digest(expected, given) or record is None:
        raise HomeportError(ErrorCode.UNAUTHENTICATED, _REFUSED, hint=_NEW_TOKEN)
    return record


def _retry(tx: Transaction, record: Record, key_sha256: str) -> Use:
    same_key = hmac.compare_digest(record.status["key_sha256"], key_sha256)
    node = tx.get(Kind.NODE, record.status["node_id"])
    if not same_key or tx.now > record.status["used_at"] + RETRY_SECONDS or node is None:
        raise HomeportError(ErrorCode.UNAUTHENTICATED, _REFUSED, hint=_NEW_TOKEN)
    status = record.status
    return Use(node, status.get("certificate", "").encode(), status.get("certificate_until", 0.0))


def _create_node(tx: Transaction, nodepool_key: str, host: Host) -> Record:
    nodepool = tx.get(Kind.NODEPOOL, nodepool_key)
    if nodepool is None:
        raise HomeportError(ErrorCode.CONFLICT, f"nodepool {nodepool_key} was deleted meanwhile", hint=_NEW_TOKEN)
    nodes = tx.all(Kind.NODE)
    members = [node for node in nodes if f"{node.spec['cluster']}/{node.spec['nodepool']}" == nodepool_key]
    limit = nodepool.spec["max_instances"]
    if len(members) >= limit:
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"nodepool {nodepool_key} has its maximum of {limit} nodes",
            hint="delete a node of it or raise max_instances, then join again with a new token",
        )
    cluster, pool = nodepool_key.split("/")
    spec: dict[str, Any] = {
        "name": _free_name(host.hostname or "node", {node.spec["name"] for node in nodes}),
        "cluster": cluster,
        "nodepool": pool,
        "hostname": host.hostname,
        "machine_id": host.machine_id,
    }
    if nodepool.spec.get("node_approval") == "required":
        spec[WAITS_SINCE] = tx.now
    return tx.create(Kind.NODE, str(uuid.uuid4()), spec, {"epoch": 0, "agent_version": host.agent_version})


def _free_name(wanted: str, taken: set[str]) -> str:
    if wanted not in taken:
        return wanted
    number = 2
    while f"{wanted}-{number}" in taken:
        number += 1
    return f"{wanted}-{number}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
