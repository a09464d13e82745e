"""Who has to leave a node to a deployment of higher priority: a mark in the status of the one that leaves."""

from collections.abc import Mapping

from controlplane.store.store import Kind, Record, Transaction
from homeport.core import canonical
from homeport.core.placement.history import PlacementEvent, evictions, followed_by
from homeport.core.placement.preemption import Preemption


def evicted_from(deployment: Record) -> dict[str, str]:
    """By node: for whose sake."""
    found: dict[str, str] = deployment.status.get("evicted", {})
    return found


def may_take_room(deployment: Record) -> bool:
    """Or others have taken its own."""
    return deployment.spec.get("preemption") == Preemption.LOWER_PRIORITY or "evicted" in deployment.status


def asks_for_room(deployment: Record) -> bool:
    """Its minimum finds no place, and it may take that of others."""
    if deployment.spec.get("preemption") != Preemption.LOWER_PRIORITY:
        return False
    missing: int = deployment.status.get("placement", {}).get("missing_min", 0)
    return missing > 0


def priority_of(deployment: Record) -> int:
    priority: int = deployment.spec.get("priority", 0)
    return priority


def urgency(deployment: Record) -> tuple[int, float, str]:
    """Sorts those first that are served first."""
    return -priority_of(deployment), deployment.created_at, deployment.id


def mark_evicted(tx: Transaction, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """`wanted`: of each deployment the nodes that it has to leave, and for whose sake; none = it may stay. What is new
    is an event of both."""
    for id, nodes in wanted.items():
        deployment = tx.get(Kind.DEPLOYMENT, id)
        if deployment is None:
            continue
        before = evicted_from(deployment)
        status = {key: value for key, value in deployment.status.items() if key != "evicted"}
        tx.put_status(Kind.DEPLOYMENT, id, {**status, **({"evicted": dict(nodes)} if nodes else {})})
        for node_id in nodes.keys() - before.keys():
            node = tx.get(Kind.NODE, node_id)
            takes, leaves = evictions(id, nodes[node_id], node.spec["name"] if node else node_id, tx.now)
            _note(tx, nodes[node_id], takes)
            _note(tx, id, leaves)


def _note(tx: Transaction, id: str, event: PlacementEvent) -> None:
    deployment = tx.get(Kind.DEPLOYMENT, id)
    if deployment is not None:
        placement = deployment.status.get("placement", {})
        before = canonical.from_plain(tuple[PlacementEvent, ...], placement.get("events", []))
        events = canonical.to_plain(followed_by(before, event))
        tx.put_status(Kind.DEPLOYMENT, id, {**deployment.status, "placement": {**placement, "events": events}})
