"""What the agents have said lately, and how each node stands by it. In memory: agents say it all again when they
connect."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile

from controlplane.sessions.pressures import Pressures
from controlplane.sessions.refusals import Refusals
from homeport.core.histogram import LAG_BOUNDS, Histogram
from homeport.core.node_lifecycle.brake import Brake, Tally, Terms, decide, overrule
from homeport.core.node_lifecycle.standing import Limits, Signs, Standing, stand
from homeport.core.refusal import Refusal
from homeport.core.resources import Inventory
from homeport.core.status import NodeStatus, ReplicaReport, ReplicaStatus

# Nodes that have not been heard of since this control plane started count as heard until this many seconds after it.
RESTART_GRACE_SECONDS = 30.0


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
    # Placements that it serves and that this store has no trace of, as after the restoration of a backup.
    unknown_placements: tuple[str, ...] = ()
    # What it does not start at present.
    refused: tuple[Refusal, ...] = ()


class NodeRegistry:
    """`monotonic` is the clock, `wall` gives unix seconds. Listeners are called, with the node's id, after each change
    that may matter to scheduling: connection, inventory, replicas, status."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        limits: Limits | None = None,
        terms: Terms | None = None,
        wall: Callable[[], float] = time.time,
        heartbeat_seconds: float = 2.0,
    ) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._heartbeat_seconds = heartbeat_seconds
        # How late heartbeats are, in seconds.
        self.lateness = Histogram(LAG_BOUNDS)
        self._limits = limits or Limits()
        self._terms = terms or Terms()
        self._live: dict[str, LiveNode] = {}
        self._standings: dict[str, Standing] = {}
        # The nodes that are.
        self.lost: set[str] = set()
        self._unseen_heard_at = monotonic() + RESTART_GRACE_SECONDS
        self.brake = Brake()
        self.refusals = Refusals(monotonic)
        self.pressures = Pressures(monotonic)
        self.listeners: list[Callable[[str], None]] = []
        # The number of the last change that may matter to scheduling, of each node; the oldest first.
        self._news: OrderedDict[str, int] = OrderedDict()
        self._told = 0
        # Called, with the node's id, when it has acknowledged more of its desired state.
        self.ack_listeners: list[Callable[[str], None]] = []

    # -- what agents say

    def connected(self, node_id: str, epoch: int, inventory: Inventory, agent_version: str) -> LiveNode:
        node = LiveNode(node_id, True, epoch, self._monotonic(), inventory, agent_version)
        self._live[node_id] = node
        self._judge(node_id)
        self._tell(node_id)
        return node

    def disconnected(self, node_id: str, epoch: int) -> None:
        """The stream of that epoch ended; an older epoch's end changes nothing."""
        node = self._live.get(node_id)
        if node and node.epoch == epoch:
            node.connected = False
            self._judge(node_id)
            self._tell(node_id)

    def heard(self, node_id: str, load: NodeLoad) -> None:
        node, now = self._live[node_id], self._monotonic()
        self.lateness.observe(max(0.0, now - node.heard_at - self._heartbeat_seconds))
        node.heard_at = now
        node.load = load

    def acknowledged(self, node_id: str, seq: int) -> None:
        """It has on its disk what the store wanted of it at that write, and acts on nothing older."""
        node = self._live[node_id]
        if seq > node.applied_seq:
            node.applied_seq = seq
            for listener in self.ack_listeners:
                listener(node_id)

    def set_inventory(self, node_id: str, inventory: Inventory) -> None:
        self._live[node_id].inventory = inventory
        self._tell(node_id)

    def set_refusals(self, node_id: str, refused: tuple[Refusal, ...]) -> None:
        """All of them."""
        node = self._live[node_id]
        self.refusals.note(node_id, refused)
        if refused != node.refused:
            node.refused = refused
            self._tell(node_id)

    def set_pressure(self, node_id: str, deployment_id: str, value: float) -> None:
        """So many replicas of it are wanted there and find no room. Nobody is told at once: only what lasts matters."""
        self.pressures.note(node_id, deployment_id, value)

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
        self._standings.pop(node_id, None)
        self.lost.discard(node_id)
        self._tell(node_id)

    # -- what others ask

    def news(self, after: int) -> tuple[list[str], int]:
        """(ids of nodes that listeners were told of after that moment, the moment now); they begin at 0."""
        newer = takewhile(lambda each: each[1] > after, reversed(self._news.items()))
        return [node_id for node_id, _ in newer], self._told

    def get(self, node_id: str) -> LiveNode | None:
        return self._live.get(node_id)

    def acked(self, node_id: str) -> int:
        """The newest write that it has acknowledged in this session; 0 = none yet."""
        node = self._live.get(node_id)
        return node.applied_seq if node is not None else 0

    def status(self, node_id: str) -> NodeStatus:
        return self.standing(node_id).status

    def standing(self, node_id: str) -> Standing:
        """As it was judged last: when it connected or left, or by silence at the last sweep."""
        known = self._standings.get(node_id)
        return known if known is not None else self._judged(node_id)

    def silent_seconds(self, node_id: str) -> float:
        """Since it was last heard; as much as is known for sure of one that was silent before the start."""
        now, standing = self._monotonic(), self._standings.get(node_id)
        silent = max(0.0, now - self._heard_at(node_id))
        if node_id not in self._live and standing is not None and standing.status is NodeStatus.LOST:
            return max(silent, now - standing.since + self._limits.lost)
        return silent

    @property
    def may_lose(self) -> bool:
        """Whether the brake lets nodes be given up."""
        return self.brake.allows_loss(self._monotonic())

    def wall_now(self) -> float:
        """Unix seconds."""
        return self._wall()

    def wall_of(self, at: float) -> float:
        """A time on the registry's clock in unix seconds, to a tenth."""
        return round(self._wall() - (self._monotonic() - at), 1)

    def replicas(self, deployment_id: str | None = None) -> list[tuple[str, ReplicaReport]]:
        """(node id, report); a replica on a silent node is `unknown`, not gone."""
        return [
            (node_id, report)
            for node_id in self._live
            for report in self.replicas_on(node_id)
            if deployment_id is None or report.deployment_id == deployment_id
        ]

    def replicas_on(self, node_id: str) -> list[ReplicaReport]:
        node = self._live.get(node_id)
        if node is None:
            return []
        silent = self.status(node_id) in (NodeStatus.DISCONNECTED, NodeStatus.LOST)
        return [_as_unknown(report) if silent else report for report in node.replicas.values()]

    # -- what silence says

    def note_lost(self, node_id: str, since: float) -> None:
        """It was lost before this control plane started, since then (unix seconds), and stays so until it is heard."""
        if node_id not in self._live:
            at = self._monotonic() - (self._wall() - since)
            self._put(node_id, Standing(NodeStatus.LOST, at, "lost before the control plane started"))
            self._tell(node_id)

    def tally(self, cluster_of: Mapping[str, str]) -> None:
        """Looks at all nodes together, and engages or releases the brake. Call it before `sweep`."""
        now, live, lost, limit = self._monotonic(), self._live, self.lost, self._limits.disconnected
        counts: dict[str, list[int]] = {cluster: [0, 0] for cluster in set(cluster_of.values())}
        for node_id, cluster in cluster_of.items():
            if node_id not in lost:
                node, count = live.get(node_id), counts[cluster]
                count[0] += 1
                count[1] += now - (node.heard_at if node is not None else self._unseen_heard_at) > limit
        self.brake = decide(self.brake, (Tally(*count) for count in counts.values()), now, self._terms)

    def release_brake(self) -> bool:
        """A person says that the missing nodes are gone. False when there was nothing to release."""
        held = self.brake.engaged_at is not None
        self.brake = overrule(self.brake, self._monotonic())
        return held

    def sweep(self, node_ids: Iterable[str]) -> None:
        """Call about twice a second for every node: finds the statuses that silence alone has changed."""
        now = self._monotonic()
        for node_id in node_ids:
            before, node = self._standings.get(node_id), self._live.get(node_id)
            if before is None or before.status is not NodeStatus.READY or node is None:
                changed = self._judge(node_id)
            else:
                changed = now - node.heard_at > self._limits.suspect and self._judge(node_id)
            if changed:
                self._tell(node_id)

    def _judge(self, node_id: str) -> bool:
        """Whether its status is another one now."""
        before, after = self._standings.get(node_id), self._judged(node_id)
        self._put(node_id, after)
        return before is None or before.status is not after.status

    def _put(self, node_id: str, standing: Standing) -> None:
        self._standings[node_id] = standing
        if standing.status is NodeStatus.LOST:
            self.lost.add(node_id)
        else:
            self.lost.discard(node_id)

    def _judged(self, node_id: str) -> Standing:
        now, node = self._monotonic(), self._live.get(node_id)
        signs = Signs(self._heard_at(node_id), node is not None and node.connected, unseen=node is None)
        return stand(self._standings.get(node_id), signs, now, self._limits, self.brake.allows_loss(now))

    def _heard_at(self, node_id: str) -> float:
        node = self._live.get(node_id)
        return node.heard_at if node is not None else self._unseen_heard_at

    def _tell(self, node_id: str) -> None:
        self._told += 1
        self._news[node_id] = self._told
        self._news.move_to_end(node_id)
        for listener in self.listeners:
            listener(node_id)


def _as_unknown(report: ReplicaReport) -> ReplicaReport:
    return replace(report, status=ReplicaStatus.UNKNOWN, reason="the node is silent")
