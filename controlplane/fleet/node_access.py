"""What a node's record says of who may speak for it: its certificates and its lock."""

from typing import Any

from controlplane.auth.ca import NodeCertificate
from controlplane.store.store import Kind, Record, Transaction
from homeport.core import canonical
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.issuing import may_recover, recent_recoveries
from homeport.core.node_identity import Certificates, NodeAccess, Serial, Shown


def access_of(node: Record | None) -> NodeAccess | None:
    """None for a node that does not exist."""
    if node is None:
        return None
    return NodeAccess(_certificates(node), "lock" in node.spec)


def needs_note(access: NodeAccess, shown: Shown) -> bool:
    """Whether this use of a certificate changes what is remembered."""
    return access.certificates is None or access.certificates.used(shown) != access.certificates


def note_use(tx: Transaction, shown: Shown) -> None:
    """Its first use makes a certificate the current one."""
    node = tx.get(Kind.NODE, shown.node_id)
    if node is None:
        return
    known = _certificates(node)
    used = Certificates(Serial(shown.serial, shown.begins_at)) if known is None else known.used(shown)
    if used != known:
        _put(tx, node, used)


def note_issue(tx: Transaction, node_id: str, certificate: NodeCertificate) -> None:
    """It is good besides the current one until it is used."""
    node = tx.get(Kind.NODE, node_id)
    if node is None:
        return
    known = _certificates(node)
    serial = Serial(certificate.serial, certificate.begins_at)
    _put(tx, node, Certificates(serial) if known is None else known.issued(serial))


def note_recovery(tx: Transaction, node_id: str, life: float) -> None:
    """Raises TOO_MANY_REQUESTS for a node that did so too often lately; `life` is its certificate's, in seconds."""
    node = tx.get(Kind.NODE, node_id)
    if node is None:
        return
    before = recent_recoveries(node.status.get("recoveries", ()), tx.now, life)
    if not may_recover(before, tx.now, life):
        raise HomeportError(
            ErrorCode.TOO_MANY_REQUESTS,
            f"this node has recovered {len(before)} times lately: its certificate should last longer than that",
            hint="look at its agent's log, and whether another host has its key; homeport node lock keeps it away",
        )
    tx.put_status(Kind.NODE, node_id, {**node.status, "recoveries": [*before, tx.now]})


def _certificates(node: Record) -> Certificates | None:
    plain: Any = node.status.get("certificates")
    return canonical.from_plain(Certificates, plain) if plain is not None else None


def _put(tx: Transaction, node: Record, certificates: Certificates) -> None:
    status = {key: value for key, value in node.status.items() if key != "certificate_serial"}
    tx.put_status(Kind.NODE, node.id, {**status, "certificates": canonical.to_plain(certificates)})
