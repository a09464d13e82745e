"""Inputs and outputs of the placement decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from homeport.core.policy import Scaling
from homeport.core.resources import ComputeNeeds, DeviceShare, Inventory
from homeport.core.status import NodeStatus


@dataclass(frozen=True, slots=True)
class Reservation:
    """What other deployments' placements may take on a node, at their maximum."""

    cpu_milli: int = 0
    memory_bytes: int = 0
    gpu_uuids: frozenset[str] = frozenset()


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
    # Takes nothing new, and what it has is to go elsewhere. `forced`: without waiting for that.
    draining: bool = False
    forced: bool = False
    # Seconds since it was last heard; 0 while it speaks.
    silent_seconds: float = 0.0
    reserved: Reservation = field(default_factory=Reservation)
    # Devices that this deployment holds here: they are taken first, so that no replica moves from one to another.
    held_gpu_uuids: frozenset[str] = frozenset()
    # Those of its cluster.
    labels: Mapping[str, str] = field(default_factory=dict)
    # False while it waits for a person to let it in.
    approved: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """A revision to place. `nodepools` are `cluster/nodepool`, best first."""

    deployment_id: str
    driver: str
    needs: ComputeNeeds
    scaling: Scaling
    nodepools: tuple[str, ...]
    # Nodes that hold a placement of this deployment already, by its rank: they come first and keep their order, so
    # nothing moves without need.
    current_nodes: tuple[str, ...] = ()
    # Labels that a node's cluster must carry. They hold for what runs already, too.
    residency: Mapping[str, str] = field(default_factory=dict)
    # Nodes that hold it come before those of a better nodepool: nothing goes back there by itself.
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """This node may run between min and max replicas; rank 0 gets traffic first."""

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
    """`missing_*` is what found no place; then `rejections` say why, one per node that could have helped."""

    budgets: tuple[Budget, ...]
    rejections: tuple[Rejection, ...] = ()
    missing_min: int = 0
    missing_max: int = 0
