"""Locking a node: its agent is turned away at once, on whatever is open. What runs there runs on, unless asked."""

from controlplane.fleet.nodes import stored_node
from controlplane.store.store import Kind, Record, Transaction


def lock_node(tx: Transaction, node_id: str, reason: str, stop_models: bool) -> Record:
    """Locked again it keeps its `since`. Raises NOT_FOUND."""
    node = stored_node(tx, node_id)
    since = node.spec.get("lock", {}).get("since", tx.now)
    lock = {"reason": reason, "since": since, "stop_models": stop_models}
    return tx.put_spec(Kind.NODE, node_id, {**node.spec, "lock": lock})


def unlock_node(tx: Transaction, node_id: str) -> Record:
    """Raises NOT_FOUND."""
    spec = {key: value for key, value in stored_node(tx, node_id).spec.items() if key != "lock"}
    return tx.put_spec(Kind.NODE, node_id, spec)
