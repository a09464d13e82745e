"""The store and the registry seen together: what the API answers about things that run."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from controlplane.fleet.alarms import alarms
from controlplane.fleet.deployment_state import deployment_state, placement_status
from controlplane.fleet.nodes import node_state, node_status_of
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind, Record, Store
from homeport.core.status import NodeStatus, ReplicaReport, ReplicaStatus


class Overview:
    """`monotonic` is the registry's clock."""

    def __init__(self, store: Store, registry: NodeRegistry, monotonic: Callable[[], float], gateway_url: str) -> None:
        self._store = store
        self._registry = registry
        self._monotonic = monotonic
        self._gateway_url = gateway_url

    def node(self, node: Record) -> dict[str, Any]:
        return node_state(node, self._registry, self._monotonic())

    def deployments(self, deployments: Iterable[Record]) -> list[dict[str, Any]]:
        """The state of each, from one look at placements and replicas."""
        placements: defaultdict[str, list[Record]] = defaultdict(list)
        for placement in self._store.all(Kind.PLACEMENT):
            placements[placement.spec["deployment_id"]].append(placement)
        names, replicas = self.node_names(), self._replicas_by_deployment()
        return [
            deployment_state(
                each,
                self._store.get(Kind.REVISION, f"{each.id}/{each.status['revision']}"),
                placements[each.id],
                replicas[each.id],
                names,
                self._gateway_url,
            )
            for each in deployments
        ]

    def placements(self, placements: Iterable[Record]) -> list[dict[str, Any]]:
        names, replicas = self.node_names(), self._replicas_by_deployment()
        return [
            {
                "node_name": names.get(each.spec["node_id"], each.spec["node_id"]),
                "status": placement_status(each, replicas[each.spec["deployment_id"]]),
            }
            for each in placements
        ]

    def replicas(self, deployment_id: str | None, node_id: str | None) -> list[dict[str, Any]]:
        names = self.node_names()
        found = [
            _replica(holder, names.get(holder, holder), report)
            for holder, report in self._registry.replicas(deployment_id)
            if node_id is None or holder == node_id
        ]
        return sorted(found, key=lambda replica: (replica["deployment_id"], replica["id"]))

    def totals(self) -> dict[str, dict[str, int]]:
        nodes = [node_status_of(node, self._registry) for node in self._store.all(Kind.NODE)]
        phases = [state["phase"] for state in self.deployments(self._store.all(Kind.DEPLOYMENT))]
        replicas = [report.status for _, report in self._registry.replicas()]
        return {
            "nodes": {"ready": nodes.count(NodeStatus.READY), "total": len(nodes)},
            "deployments": {"ready": phases.count("ready"), "total": len(phases)},
            "replicas": {"ready": replicas.count(ReplicaStatus.READY), "total": len(replicas)},
        }

    def alarms(self) -> list[dict[str, Any]]:
        return alarms(self._store, self._registry)

    def _replicas_by_deployment(self) -> defaultdict[str, list[tuple[str, ReplicaReport]]]:
        replicas: defaultdict[str, list[tuple[str, ReplicaReport]]] = defaultdict(list)
        for node_id, report in self._registry.replicas():
            replicas[report.deployment_id].append((node_id, report))
        return replicas

    def node_names(self) -> dict[str, str]:
        return {node.id: node.spec["name"] for node in self._store.all(Kind.NODE)}


def _replica(node_id: str, node_name: str, report: ReplicaReport) -> dict[str, Any]:
    return {
        "id": report.replica_id,
        "node_id": node_id,
        "node_name": node_name,
        "deployment_id": report.deployment_id,
        "revision": report.revision,
        "status": report.status.value,
        "reason": report.reason,
        "since": report.since,
        "restarts": report.restarts,
        "start_ms": report.start_ms,
    }
