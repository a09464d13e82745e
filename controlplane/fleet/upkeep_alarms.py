"""Alarms about the care of nodes: nodepools with too few, drains that take too long, GPUs that failed."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from controlplane.fleet.node_drain import drain_of
from controlplane.fleet.nodes import node_status_of, nodepool_key_of
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind, Record, Store
from homeport.core.status import NodeStatus


def upkeep_alarms(store: Store, registry: NodeRegistry) -> Iterator[dict[str, Any]]:
    """The form is homeport.schema.resources.Alarm."""
    nodes = store.all(Kind.NODE)
    yield from _small_pools(store, registry, nodes)
    yield from _long_drains(store, registry, nodes)
    yield from _failed_gpus(registry, nodes)


def _small_pools(store: Store, registry: NodeRegistry, nodes: list[Record]) -> Iterator[dict[str, Any]]:
    members: defaultdict[str, list[Record]] = defaultdict(list)
    for node in nodes:
        members[nodepool_key_of(node)].append(node)
    for pool in store.all(Kind.NODEPOOL):
        least = pool.spec.get("min_instances", 0)
        if not least:
            continue
        away = [node for node in members[pool.id] if node_status_of(node, registry) is not NodeStatus.READY]
        ready = len(members[pool.id]) - len(away)
        if ready < least:
            yield {
                "name": "nodepool-minimum",
                "message": f"nodepool {pool.id} has {ready} ready nodes of at least {least}",
                "hint": f"homeport node add --nodepool {pool.id} adds one; `homeport node list --nodepool {pool.id}` "
                "shows those that are away",
                "since": max([pool.updated_at, *(registry.wall_of(registry.standing(node.id).since) for node in away)]),
            }


def _long_drains(store: Store, registry: NodeRegistry, nodes: list[Record]) -> Iterator[dict[str, Any]]:
    overdue = [node for node in nodes if (drain := drain_of(node)) and drain.is_overdue(registry.wall_now())]
    if not overdue:
        return
    held = {placement.spec["node_id"] for placement in store.all(Kind.PLACEMENT)}
    for node in overdue:
        left, drain = len(registry.replicas_on(node.id)), drain_of(node)
        if drain is not None and (left or node.id in held):
            yield {
                "name": "drain-overdue",
                "message": f"node {node.spec['name']} was to be drained by now; {left} replicas are left",
                "hint": f"homeport node drain {node.spec['name']} --dry-run says what they wait for; with --force they "
                "are let go, `homeport node undrain` gives it up",
                "since": drain.deadline_at,
            }


def _failed_gpus(registry: NodeRegistry, nodes: list[Record]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        live = registry.get(node.id)
        for gpu in live.inventory.gpus if live else ():
            if gpu.quarantine:
                yield {
                    "name": "gpu-quarantine",
                    "message": f"GPU {gpu.uuid} of node {node.spec['name']} gets no replicas: {gpu.quarantine}",
                    "hint": f"homeport node clear-gpu {node.spec['name']} {gpu.uuid} once it is sound",
                    "since": gpu.quarantined_at,
                }
