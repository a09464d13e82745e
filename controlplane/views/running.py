"""Placements and replicas, found by deployment and by node without looking at all of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from controlplane.store.store import Record
from homeport.core.status import ReplicaReport


class Placements:
    def __init__(self) -> None:
        self._by_id: dict[str, Record] = {}
        self._by_deployment: defaultdict[str, dict[str, Record]] = defaultdict(dict)
        self._by_node: defaultdict[str, dict[str, Record]] = defaultdict(dict)

    def set(self, id: str, record: Record | None) -> tuple[set[str], set[str]]:
        """The deployments that it belonged to before and belongs to now, and the nodes."""
        deployments, nodes = set(), set()
        old = self._by_id.pop(id, None)
        if old is not None:
            deployments.add(old.spec["deployment_id"])
            nodes.add(old.spec["node_id"])
            del self._by_deployment[old.spec["deployment_id"]][id]
            del self._by_node[old.spec["node_id"]][id]
        if record is not None:
            self._by_id[id] = record
            deployments.add(record.spec["deployment_id"])
            nodes.add(record.spec["node_id"])
            self._by_deployment[record.spec["deployment_id"]][id] = record
            self._by_node[record.spec["node_id"]][id] = record
        return deployments, nodes

    def of_deployment(self, deployment_id: str) -> list[Record]:
        return list(self._by_deployment[deployment_id].values())

    def on_node(self, node_id: str) -> list[Record]:
        return list(self._by_node[node_id].values())


class Replicas:
    """As the agents reported them last; those of a silent node are unknown."""

    def __init__(self) -> None:
        self._by_id: dict[str, tuple[str, ReplicaReport]] = {}
        self._by_node: dict[str, dict[str, ReplicaReport]] = {}
        self._by_deployment: defaultdict[str, dict[str, tuple[str, ReplicaReport]]] = defaultdict(dict)

    def set_node(self, node_id: str, reports: Iterable[ReplicaReport]) -> tuple[set[str], set[str]]:
        """Replaces what is on a node. (replicas, deployments) for which that makes a difference."""
        before, after = self._by_node.get(node_id, {}), {report.replica_id: report for report in reports}
        replicas = {id for id in before.keys() | after.keys() if before.get(id) != after.get(id)}
        deployments = {each[id].deployment_id for each in (before, after) for id in replicas & each.keys()}
        for id, report in before.items():
            self._by_id.pop(id, None)
            self._by_deployment[report.deployment_id].pop(id, None)
        for id, report in after.items():
            self._by_id[id] = self._by_deployment[report.deployment_id][id] = (node_id, report)
        self._by_node[node_id] = after
        return replicas, deployments

    def get(self, replica_id: str) -> tuple[str, ReplicaReport] | None:
        return self._by_id.get(replica_id)

    def all(self) -> Iterator[tuple[str, ReplicaReport]]:
        """(node id, report)."""
        return iter(self._by_id.values())

    def of_deployment(self, deployment_id: str) -> list[tuple[str, ReplicaReport]]:
        return list(self._by_deployment[deployment_id].values())

    def on_node(self, node_id: str) -> list[ReplicaReport]:
        return list(self._by_node.get(node_id, {}).values())
