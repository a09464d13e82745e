"""Inputs and outputs of the placement decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from homeport.core.placement.affinity import NO_AFFINITY, Affinity
from homeport.core.policy import Scaling
from homeport.core.refusal import Refusal
from homeport.core.requirements import ANY_HOST, Requirements
from homeport.core.resources import ComputeNeeds, DeviceShare, Inventory
from homeport.core.status import NodeStatus


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node as the planner sees it. `nodepool` is `cluster/nodepool`."""

    node_id: str
    name: str
    nodepool: str
    status: NodeStatus
    inventory: Inventory
    # Takes nothing new, and keeps what it has.
    cordoned: bool = False
    # Takes nothing new, and what it has is to go elsewhere.
    draining: bool = False
    # Those of its cluster.
    labels: Mapping[str, str] = field(default_factory=dict)
    # Those of its cluster, of its nodepool, and its own: the nearest wins.
    node_labels: Mapping[str, str] = field(default_factory=dict)
    # False while it waits for a person to let it in.
    approved: bool = True
    # How many times over maxima may claim what it has; minima are kept free once. 1 = never.
    overcommit: float = 1.0

    @property
    def cluster(self) -> str:
        return self.nodepool.partition("/")[0]

    @property
    def takes_new(self) -> bool:
        """Whether anything new may come to it at all."""
        return self.status is NodeStatus.READY and self.approved and not self.cordoned and not self.draining


@dataclass(frozen=True, slots=True)
class Taken:
    """What one deployment's placement may take on a node, at its maximum. `devices` are (uuid, milli), one for each
    share: a device may be named more than once. `least` is what it takes at its minimum: no other may claim that. None
    = all of it."""

    cpu_milli: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    devices: tuple[tuple[str, int], ...] = ()
    network_mbps: int = 0
    least: "Taken | None" = None


@dataclass(frozen=True, slots=True)
class Free:
    """What is left of a node; less than nothing where more was given away than it has now. `devices` are milli of each
    of its GPUs, 0 of one with a problem."""

    cpu_milli: int
    memory_bytes: int
    disk_bytes: int
    devices: tuple[int, ...] = ()
    network_mbps: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """A placement that the deployment has already. `status` is how its node stands to the deployment, which may be
    more patient than others."""

    node_id: str
    max_replicas: int
    status: NodeStatus = NodeStatus.READY


@dataclass(frozen=True, slots=True)
class Wanted:
    """A revision to place.

    `tiers` are `cluster/nodepool` keys, the best tier first: what does not fit goes to the next; inside a tier the
    packing decides. What is `held`, by rank, is kept before anything else is looked at, so nothing moves without need.
    With `returns` the tiers come before that: the deployment goes back to a better one as soon as it can. With
    `spreads` it goes to as many nodes as it may have replicas, all of rank 0; with `shuffles` it takes nodes in an
    order of its own instead of the packing's. With `over_clusters` its minimum goes to two clusters, not only to two
    nodes.
    """

    deployment_id: str
    driver: str
    needs: ComputeNeeds
    scaling: Scaling
    tiers: tuple[tuple[str, ...], ...]
    held: tuple[Held, ...] = ()
    # Labels that a node's cluster must carry. They hold for what runs already, too.
    residency: Mapping[str, str] = field(default_factory=dict)
    # Nodes whose agents have refused to start it lately.
    refused: Mapping[str, Refusal] = field(default_factory=dict)
    requires: Requirements = ANY_HOST
    affinity: Affinity = NO_AFFINITY
    # Nodes of deployments that it must not share one with, by node: the other's id.
    apart: Mapping[str, str] = field(default_factory=dict)
    # Nodes that it has to leave to one of higher priority, by node: the other's id.
    evicted: Mapping[str, str] = field(default_factory=dict)
    # As homeport.core.image_name spells it; empty = none.
    image: str = ""
    # Nodes that lack the room for what it had there, and how many it may have there while others have room.
    capped: Mapping[str, int] = field(default_factory=dict)
    returns: bool = False
    spreads: bool = False
    shuffles: bool = False
    over_clusters: bool = False

    @property
    def nodepools(self) -> tuple[str, ...]:
        return tuple(key for tier in self.tiers for key in tier)


@dataclass(frozen=True, slots=True)
class Budget:
    """This node may run between min and max replicas; rank 0 gets traffic first. `devices` are those of its replicas,
    replica after replica."""

    node_id: str
    rank: int
    min_replicas: int
    max_replicas: int
    devices: tuple[DeviceShare, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a node takes no (more) replica: need against have, in words a person reads."""

    node_id: str
    node_name: str
    filter: str
    need: str
    have: str

    def __str__(self) -> str:
        return f"{self.node_name}: {self.filter}: needs {self.need}, has {self.have}"


@dataclass(frozen=True, slots=True)
class Plan:
    """`missing_*` is what found no place. `settled`: nothing that happens elsewhere in the fleet could improve it."""

    budgets: tuple[Budget, ...]
    missing_min: int = 0
    missing_max: int = 0
    settled: bool = True
