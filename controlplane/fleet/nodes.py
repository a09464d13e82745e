"""Nodes: what the store and the registry know of one, put together in one place."""

from typing import Any

from controlplane.fleet.node_approval import waits
from controlplane.fleet.node_quarantine import Quarantine, memory_of, quarantine_of
from controlplane.fleet.references import in_use, missing
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Index, Kind, Record, Transaction
from homeport.core import canonical
from homeport.core.likeness import WHY
from homeport.core.resources import Inventory
from homeport.core.status import NodeStatus

_LOCKED = "an administrator locked it; homeport node unlock lets it in again"
_NEVER_CONNECTED = "enrolled, its agent has not connected yet"


def stored_node(tx: Transaction, node_id: str) -> Record:
    """Raises NOT_FOUND."""
    node = tx.get(Kind.NODE, node_id)
    if node is None:
        raise missing(Kind.NODE, node_id, ())
    return node


def nodepool_key_of(node: Record) -> str:
    return f"{node.spec['cluster']}/{node.spec['nodepool']}"


def node_status_of(node: Record, registry: NodeRegistry) -> NodeStatus:
    """A node whose agent has never connected is INITIALIZING, however long that takes."""
    if registry.get(node.id) is None and "inventory" not in node.status:
        return NodeStatus.INITIALIZING
    return registry.status(node.id)


def inventory_of(node: Record, registry: NodeRegistry) -> Inventory:
    """What the agent says now, else what it said when it was last connected."""
    live = registry.get(node.id)
    if live is not None:
        return live.inventory
    plain = node.status.get("inventory")
    if plain is None:
        return Inventory(node.spec["hostname"])
    inventory: Inventory = canonical.from_plain(Inventory, plain)
    return inventory


def node_state(node: Record, registry: NodeRegistry, monotonic_now: float, placements: int) -> dict[str, Any]:
    """The form is homeport.schema.node_resources.NodeState. `monotonic_now` is on the registry's clock; `placements`
    are those on the node."""
    live = registry.get(node.id)
    replicas = len(live.replicas) if live else 0
    return {
        **_standing(node, registry),
        "connected": live is not None and live.connected,
        "epoch": live.epoch if live else int(node.status.get("epoch", 0)),
        "epoch_kept": memory_of(node).epoch_kept,
        "agent_version": (live.agent_version if live else "") or node.status.get("agent_version", ""),
        "last_heard_seconds": max(0.0, monotonic_now - live.heard_at) if live else None,
        "inventory": canonical.to_plain(inventory_of(node, registry)),
        "load": canonical.to_plain(live.load) if live else None,
        "replicas": replicas,
        "drained": "drain" in node.spec and not placements and not replicas,
        "quarantine": _shown(quarantine_of(node)),
        "local_gateway": node.status.get("local_gateway"),
    }


def _shown(quarantine: Quarantine | None) -> dict[str, Any] | None:
    if quarantine is None:
        return None
    return {"reason": WHY[quarantine.why], "since": quarantine.since, "address": quarantine.address}


def delete_node(tx: Transaction, node_id: str, connected: bool) -> None:
    """A silent node goes with all that it holds; a connected one must be empty first. Raises NOT_FOUND, IN_USE."""
    placed = tx.find(Index.PLACEMENTS_ON_NODE, node_id)
    if connected and placed:
        hint = "drain it first (homeport node drain), delete those deployments, or stop the node's agent"
        raise in_use(f"node {node_id}", "it serves deployment", placed, hint, lambda p: str(p.spec["deployment_id"]))
    tx.delete(Kind.NODE, node_id)


def _standing(node: Record, registry: NodeRegistry) -> dict[str, Any]:
    status = node_status_of(node, registry)
    if status is NodeStatus.INITIALIZING:
        return {"status": status.value, "reason": _NEVER_CONNECTED, "since": node.created_at}
    standing = registry.standing(node.id)
    return {
        "status": status.value,
        "reason": _reason(node, standing.reason),
        "since": registry.wall_of(standing.since),
    }


def _reason(node: Record, of_standing: str) -> str:
    if "lock" in node.spec and of_standing:
        return _LOCKED
    if waits(node):
        return f"it gets nothing to run until somebody lets it in: homeport node approve {node.spec['name']}"
    if of_standing and quarantine_of(node) is not None:
        return f"what looks like a copy of it was turned away: homeport node approve {node.spec['name']} lets that in"
    return of_standing
