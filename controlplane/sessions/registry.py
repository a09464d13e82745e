"""What the agents have said lately. In memory only: agents say it all again when they connect."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from homeport.core.node_status import SilenceLimits, node_status
from homeport.core.resources import Inventory
from homeport.core.status import NodeStatus, ReplicaReport, ReplicaStatus


@dataclass(frozen=True, slots=True)
class NodeLoad:
    """From the last heartbeat."""

    cpu_used_cores: float = 0.0
    memory_used_bytes: int = 0
    clock_skew_seconds: float = 0.0


@dataclass(slots=True)
class LiveNode:
    """`heard_at` is on the registry's monotonic clock; `applied_seq` is the desired state that the agent acked."""

    node_id: str
    connected: bool
    epoch: int
    heard_at: float
    inventory: Inventory
    agent_version: str = ""
    load: NodeLoad = field(default_factory=NodeLoad)
    replicas: dict[str, ReplicaReport] = field(default_factory=dict)
    applied_seq: int = 0


class NodeRegistry:
    """`monotonic` is the clock. Listeners are called, with the node's id, after each change that may matter to
    scheduling: connection, inventory, replicas, status."""

    def __init__(self, monotonic: Callable[[], float], limits: SilenceLimits | None = None) -> None:
        self._monotonic = monotonic
        self._limits = limits or SilenceLimits()
        self._live: dict[str, LiveNode] = {}
        self._last_status: dict[str, NodeStatus] = {}
        self._started_at = monotonic()
        self.listeners: list[Callable[[str], None]] = []

    def connected(self, node_id: str, epoch: int, inventory: Inventory, agent_version: str) -> LiveNode:
        node = LiveNode(node_id, True, epoch, self._monotonic(), inventory, agent_version)
        self._live[node_id] = node
        self._tell(node_id)
        return node

    def disconnected(self, node_id: str, epoch: int) -> None:
        """The stream of that epoch ended; an older epoch's end changes nothing."""
        node = self._live.get(node_id)
        if node and node.epoch == epoch:
            node.connected = False
            self._tell(node_id)

    def heard(self, node_id: str, load: NodeLoad) -> None:
        node = self._live[node_id]
        node.heard_at = self._monotonic()
        node.load = load

    def set_inventory(self, node_id: str, inventory: Inventory) -> None:
        self._live[node_id].inventory = inventory
        self._tell(node_id)

    def set_replicas(self, node_id: str, reports: list[ReplicaReport], *, all_of_them: bool = False) -> None:
        """Merges the reports by replica id. Stopped replicas are forgotten."""
        node = self._live[node_id]
        if all_of_them:
            node.replicas.clear()
        for report in reports:
            node.replicas[report.replica_id] = report
            if report.status is ReplicaStatus.STOPPED:
                del node.replicas[report.replica_id]
        self._tell(node_id)

    def forget(self, node_id: str) -> None:
        self._live.pop(node_id, None)
        self._last_status.pop(node_id, None)

    def get(self, node_id: str) -> LiveNode | None:
        return self._live.get(node_id)

    def status(self, node_id: str) -> NodeStatus:
        """A node never heard of since this control plane started counts from that start: a restart must not lose
        a fleet at once."""
        node = self._live.get(node_id)
        if node is None:
            silent = self._monotonic() - self._started_at
            return node_status(silent, connected=False, limits=self._limits)
        return node_status(self._monotonic() - node.heard_at, node.connected, self._limits)

    def replicas(self, deployment_id: str | None = None) -> list[tuple[str, ReplicaReport]]:
        """(node id, report); a replica on a silent node is `unknown`, not gone."""
        found: list[tuple[str, ReplicaReport]] = []
        for node in self._live.values():
            silent = self.status(node.node_id) in (NodeStatus.DISCONNECTED, NodeStatus.LOST)
            found += [
                (node.node_id, _as_unknown(report) if silent else report)
                for report in node.replicas.values()
                if deployment_id is None or report.deployment_id == deployment_id
            ]
        return found

    def sweep(self) -> None:
        """Call about once a second: tells listeners of statuses that changed by silence alone."""
        for node_id in list(self._live):
            if self.status(node_id) != self._last_status.get(node_id):
                self._tell(node_id)

    def _tell(self, node_id: str) -> None:
        self._last_status[node_id] = self.status(node_id)
        for listener in self.listeners:
            listener(node_id)


def _as_unknown(report: ReplicaReport) -> ReplicaReport:
    return replace(report, status=ReplicaStatus.UNKNOWN, reason="the node is silent")
