"""Cordoning a node: it gets no new replicas. What runs there runs on."""

from controlplane.fleet.nodes import stored_node
from controlplane.store.store import Kind, Record, Transaction


def cordon_node(tx: Transaction, node_id: str, reason: str) -> Record:
    """Cordoned again it keeps its `since`. Raises NOT_FOUND."""
    node = stored_node(tx, node_id)
    since = node.spec.get("cordon", {}).get("since", tx.now)
    return tx.put_spec(Kind.NODE, node_id, {**node.spec, "cordon": {"reason": reason, "since": since}})


def uncordon_node(tx: Transaction, node_id: str) -> Record:
    """Raises NOT_FOUND."""
    spec = {key: value for key, value in stored_node(tx, node_id).spec.items() if key != "cordon"}
    return tx.put_spec(Kind.NODE, node_id, spec)
