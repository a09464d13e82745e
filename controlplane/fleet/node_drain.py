"""Draining a node: a wish in its spec, which placements follow step by step, across restarts of this control plane."""

from dataclasses import replace

from controlplane.fleet.nodes import stored_node
from controlplane.store.store import Kind, Record, Transaction
from homeport.core import canonical
from homeport.core.node_lifecycle.drain import Drain


def drain_of(node: Record) -> Drain | None:
    plain = node.spec.get("drain")
    if plain is None:
        return None
    drain: Drain = canonical.from_plain(Drain, plain)
    return drain


def drain_node(tx: Transaction, node_id: str, reason: str, deadline_seconds: float, force: bool) -> Record:
    """Drained again it has a new deadline and keeps its `since`. Raises NOT_FOUND."""
    node = stored_node(tx, node_id)
    before = drain_of(node)
    drain = Drain(tx.now, tx.now + deadline_seconds, force, reason)
    if before is not None:
        drain = replace(drain, since=before.since, reason=reason or before.reason)
    return tx.put_spec(Kind.NODE, node_id, {**node.spec, "drain": canonical.to_plain(drain)})


def undrain_node(tx: Transaction, node_id: str) -> Record:
    """It takes replicas again, unless it is cordoned. Raises NOT_FOUND."""
    spec = {key: value for key, value in stored_node(tx, node_id).spec.items() if key != "drain"}
    return tx.put_spec(Kind.NODE, node_id, spec)
