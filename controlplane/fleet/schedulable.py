"""The scheduler's view of the fleet: nodes as candidates, what is reserved on them, and what agents report."""

from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from typing import Any

from controlplane.fleet.node_approval import waits
from controlplane.fleet.node_drain import drain_of
from controlplane.fleet.nodepools import nodepools_of
from controlplane.fleet.nodes import inventory_of, node_status_of, nodepool_key_of
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Record
from homeport.core.placement.types import Candidate, Reservation
from homeport.core.resources import ComputeNeeds
from homeport.core.status import ReplicaReport


@dataclass(frozen=True, slots=True)
class _Taken:
    """What one deployment's placement may take on a node, at its maximum."""

    cpu_milli: int
    memory_bytes: int
    gpu_uuids: frozenset[str]


class FleetView:
    """One round's snapshot, kept current with the round's own decisions through `release` and `take`. `now` is unix
    seconds, for the deadlines of drains."""

    def __init__(self, clusters: Iterable[Record], now: float) -> None:
        self.node_ids: set[str] = set()
        self._now = now
        self._labels = {cluster.id: cluster.spec.get("labels", {}) for cluster in clusters}
        self._pools: defaultdict[str, list[Candidate]] = defaultdict(list)
        # node id -> deployment id -> what it takes there.
        self._taken: defaultdict[str, dict[str, _Taken]] = defaultdict(dict)
        self._held: defaultdict[str, set[str]] = defaultdict(set)
        # What a deployment sees that holds nothing on the node: the same for almost all of them.
        self._for_newcomers: dict[str, Candidate] = {}
        self._replicas: defaultdict[str, list[tuple[str, ReplicaReport]]] = defaultdict(list)

    def add_node(self, node: Record, registry: NodeRegistry) -> None:
        key = nodepool_key_of(node)
        status, inventory = node_status_of(node, registry), inventory_of(node, registry)
        labels = self._labels.get(node.spec["cluster"], {})
        drain = drain_of(node)
        self.node_ids.add(node.id)
        self._pools[key].append(
            Candidate(
                node.id,
                node.spec["name"],
                key,
                status,
                inventory,
                cordoned="cordon" in node.spec,
                draining=drain is not None,
                forced=drain is not None and drain.lets_go(self._now),
                silent_seconds=registry.silent_seconds(node.id),
                labels=labels,
                approved=not waits(node),
            )
        )

    def add_replicas(self, replicas: Iterable[tuple[str, ReplicaReport]]) -> None:
        """(node id, report)."""
        for node_id, report in replicas:
            self._replicas[report.deployment_id].append((node_id, report))

    def replicas(self, deployment_id: str) -> list[tuple[str, ReplicaReport]]:
        return self._replicas.get(deployment_id, [])

    def take(self, placement_spec: dict[str, Any], needs: ComputeNeeds) -> None:
        node_id, deployment_id = placement_spec["node_id"], placement_spec["deployment_id"]
        replicas = placement_spec["max_replicas"]
        gpus = frozenset(share["gpu_uuid"] for share in placement_spec["devices"])
        self._taken[node_id][deployment_id] = _Taken(needs.cpu_milli * replicas, needs.memory_bytes * replicas, gpus)
        self._held[deployment_id].add(node_id)
        self._for_newcomers.pop(node_id, None)

    def release(self, deployment_id: str) -> None:
        for node_id in self._held.pop(deployment_id, set()):
            del self._taken[node_id][deployment_id]
            self._for_newcomers.pop(node_id, None)

    def candidates(self, deployment: Record) -> list[Candidate]:
        """The nodes of its pools, with what others have reserved there and which devices it holds itself."""
        pools = nodepools_of(deployment.spec)
        held: Set[str] = self._held.get(deployment.id, frozenset())
        return [
            self._with_reservation(node, deployment.id) if node.node_id in held else self._newcomer(node)
            for key in pools
            for node in self._pools.get(key, ())
        ]

    def _newcomer(self, node: Candidate) -> Candidate:
        seen = self._for_newcomers.get(node.node_id)
        if seen is None:
            seen = self._for_newcomers[node.node_id] = self._with_reservation(node, "")
        return seen

    def _with_reservation(self, node: Candidate, deployment_id: str) -> Candidate:
        taken = self._taken.get(node.node_id)
        if not taken:
            return node
        others = [each for id, each in taken.items() if id != deployment_id]
        own = taken.get(deployment_id)
        return replace(
            node,
            reserved=Reservation(
                sum(each.cpu_milli for each in others),
                sum(each.memory_bytes for each in others),
                frozenset().union(*(each.gpu_uuids for each in others)),
            ),
            held_gpu_uuids=own.gpu_uuids if own else frozenset(),
        )
