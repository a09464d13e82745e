"""Deployments as the API shows them, with their revisions, placements and replicas."""

from typing import Any, Literal

from pydantic import Field

from homeport.core.placement.handover import Kept
from homeport.core.placement.history import PlacementEvent
from homeport.core.placement.types import Rejection
from homeport.core.resources import DeviceShare
from homeport.core.status import ReplicaStatus
from homeport.core.workload import Workload
from homeport.schema.answer import Answer, Resource
from homeport.schema.bound import Bound
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.explanation import Explanation
from homeport.schema.traffic_split import RevisionState


class Bounds(Answer):
    min: int
    max: int


class Count(Answer):
    ready: int
    total: int


class DeploymentPlacement(Answer):
    """A budget: this node may run between min and max replicas."""

    id: str
    node_id: str
    node_name: str
    revision: int
    rank: int
    min: int
    max: int
    status: Literal["pending", "starting", "ready", "idle", "failed", "unknown", "replaced"]
    """`replaced`: the node is lost, and others have taken over. It says what may still run there."""
    devices: list[DeviceShare]


class DeploymentState(Answer):
    phase: Literal["pending", "starting", "ready", "degraded", "stopped", "failed"]
    reason: str
    """Why it is not ready; empty when it is."""
    since: float
    """Unix seconds: about when this phase began, by the agents' clocks."""
    revision: int
    model: str
    model_version: str
    desired: Bounds
    replicas: Count
    placements: list[DeploymentPlacement]
    rejections: list[Rejection]
    """Why nodes take no (more) replica, while something has found no place."""
    leaving: list[Kept]
    """Nodes from which replicas leave, and what they still run until others are ready."""
    events: list[PlacementEvent] = Field(default_factory=list)
    """When it was placed or found no place, and why; the newest last. Older ones are forgotten."""
    bound: Bound
    traffic_split: list[RevisionState] = Field(default_factory=list)
    """The revisions that run, and how requests are divided among them."""
    url: str
    """The gateway's address for this deployment alone."""


class Deployment(Resource):
    spec: DeploymentSpec
    status: DeploymentState


class RevisionFacts(Answer):
    workload: Workload
    spec_hash: str
    model: str
    model_version: str


class Revision(Resource):
    """Its id is `deployment/number`."""

    spec: RevisionFacts
    status: dict[str, Any]


class PlacementFacts(Answer):
    deployment_id: str
    node_id: str
    revision: int
    rank: int
    min_replicas: int
    max_replicas: int
    devices: list[DeviceShare]
    track: str = ""
    """As the node knows it, where revisions run side by side; empty = by the deployment's id."""
    replaced: bool = False
    """The node is lost, and others have taken over."""


class PlacementState(Answer):
    node_name: str
    status: str


class Placement(Resource):
    spec: PlacementFacts
    status: PlacementState


class Replica(Answer):
    """One running copy, as its agent reported it last."""

    id: str
    node_id: str
    node_name: str
    deployment_id: str
    revision: int
    status: ReplicaStatus
    reason: str
    since: float
    restarts: int
    start_ms: int
    """How long it took from start to ready."""


class Foreseen(Answer):
    forecast: Explanation | None = None
    """Only of a dry run: whether it would find a place, and where."""
