"""Nodes that wait for a person's word: new ones where their nodepool asks for it, and copies that were turned away."""

from controlplane.fleet.node_quarantine import admit_copy, forget_copy, quarantine_of
from controlplane.fleet.references import missing
from controlplane.store.store import Kind, Record, Transaction
from homeport.core.errors import ErrorCode, HomeportError

WAITS_SINCE = "waits_since"


def waits(node: Record) -> bool:
    return WAITS_SINCE in node.spec


def approve_node(tx: Transaction, node_id: str) -> Record:
    """Raises NOT_FOUND, CONFLICT when it waits for nothing."""
    node = _waiting(tx, node_id)
    if waits(node):
        spec = {key: value for key, value in node.spec.items() if key != WAITS_SINCE}
        node = tx.put_spec(Kind.NODE, node_id, spec)
    return admit_copy(tx, node)


def reject_node(tx: Transaction, node_id: str) -> bool:
    """Whether the node is gone with that: a new one is forgotten, a copy stays out. Raises NOT_FOUND, CONFLICT."""
    node = _waiting(tx, node_id)
    if waits(node):
        tx.delete(Kind.NODE, node_id)
        return True
    forget_copy(tx, node)
    return False


def _waiting(tx: Transaction, node_id: str) -> Record:
    node = tx.get(Kind.NODE, node_id)
    if node is None:
        raise missing(Kind.NODE, node_id, ())
    if not waits(node) and quarantine_of(node) is None:
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"node {node.spec['name']} waits for no approval",
            hint="to turn its agent away: homeport node lock; to forget it: homeport node delete",
        )
    return node
