"""What the API answers. Readers must ignore fields that they do not know: newer servers add some."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from homeport.core.errors import ErrorCode
from homeport.core.node_lifecycle.drain import Drain
from homeport.core.placement.handover import Kept
from homeport.core.placement.history import PlacementEvent
from homeport.core.placement.types import Rejection
from homeport.core.resources import DeviceShare, Inventory
from homeport.core.status import NodeStatus, ReplicaStatus
from homeport.core.workload import Workload
from homeport.schema.base import Change
from homeport.schema.bound import Bound
from homeport.schema.cluster import ClusterSpec
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.explanation import Explanation
from homeport.schema.instance_type import InstanceTypeSpec
from homeport.schema.model import ModelSpec
from homeport.schema.model_version import ModelVersionSpec
from homeport.schema.nodepool import NodepoolSpec
from homeport.schema.project import ProjectSpec
from homeport.schema.secret import SecretSpec


class Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)


class Resource(Answer):
    """One object at one moment."""

    kind: str
    id: str
    generation: int
    """Counts accepted changes of the spec."""
    seq: int
    """The store's transaction that wrote it last."""
    created_at: float
    """Unix seconds."""
    updated_at: float
    """Unix seconds."""


class Cluster(Resource):
    spec: ClusterSpec
    status: dict[str, Any]


class Nodepool(Resource):
    """Its id is `cluster/nodepool`."""

    spec: NodepoolSpec
    status: dict[str, Any]


class NodeLock(Answer):
    reason: str
    since: float
    stop_models: bool


class NodeCordon(Answer):
    reason: str
    since: float


class NodeFacts(Answer):
    name: str
    cluster: str
    nodepool: str
    lock: NodeLock | None
    """Its agent is turned away while there is one."""
    waits_since: float | None
    """Unix seconds: from when on it waits to be let in, since its nodepool asks for that. Null = it is in."""
    cordon: NodeCordon | None
    """It gets no new replicas while there is one; what runs there runs on."""
    drain: Drain | None
    """Its replicas move elsewhere while there is one."""


class NodeLoad(Answer):
    cpu_used_cores: float
    memory_used_bytes: int
    clock_skew_seconds: float


class NodeQuarantine(Answer):
    """The last agent that came as this node and was turned away as a copy of it."""

    reason: str
    since: float
    """Unix seconds."""
    address: str


class NodeState(Answer):
    status: NodeStatus
    reason: str
    """Why it is not ready; empty when it is."""
    since: float
    """Unix seconds: when this status began."""
    connected: bool
    epoch: int
    epoch_kept: int
    """The newest epoch that is on the node's disk: an agent that comes with an older one was set back."""
    agent_version: str
    last_heard_seconds: float | None
    """Seconds since the last heartbeat; null = not heard of since this control plane started."""
    inventory: Inventory
    load: NodeLoad | None
    replicas: int
    quarantine: NodeQuarantine | None
    """Null = there is none, or a person has said which one is right."""
    drained: bool
    """It is being drained, and nothing is left to move."""


class Project(Resource):
    spec: ProjectSpec
    status: dict[str, Any]


class SecretState(Answer):
    version: int
    """Goes up when a value changes, and never comes again."""
    changed_at: float
    """Unix seconds, of the values."""


class Secret(Resource):
    """Its values are never answered: each key of `data` has `(hidden)`."""

    spec: SecretSpec
    status: SecretState


class InstanceTypeState(Answer):
    source: Literal["catalogue", "own", "node"]
    """`own` can be changed; `catalogue` came with Homeport; `node` is the shape of enrolled hosts."""
    nodes: int
    """Enrolled hosts of this shape; of others than `node`, 0."""


class InstanceType(Resource):
    """Its generation is 0 unless it is one of your own."""

    spec: InstanceTypeSpec
    status: InstanceTypeState


class Node(Resource):
    spec: NodeFacts
    status: NodeState


class Model(Resource):
    spec: ModelSpec
    status: dict[str, Any]


class ModelVersion(Resource):
    """Its id is `model/version`."""

    spec: ModelVersionSpec
    status: dict[str, Any]


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
    events: list[PlacementEvent] = []
    """When it was placed or found no place, and why; the newest last. Older ones are forgotten."""
    bound: Bound
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


class JoinTokenFacts(Answer):
    nodepool: str
    expires_at: float


class JoinTokenState(Answer):
    used_at: float | None = None
    node_id: str | None = None


class JoinToken(Resource):
    """Without its secret, which is shown once: when it is made."""

    spec: JoinTokenFacts
    status: JoinTokenState


class NewJoinToken(JoinToken):
    token: str
    command: str
    """To run on a host that has homeport-agent."""
    install_command: str
    """To run as root on a host that has nothing of ours; empty when this server cannot install hosts."""


class ChangedField(Answer):
    """`from` and `to` are plain values, null where there was or is none."""

    path: str
    change: Change
    before: Any = Field(alias="from")
    after: Any = Field(alias="to")


class Edited(Answer):
    """What an edit did, beside the object as it is now."""

    changes: list[ChangedField]
    needs_restart: bool
    """Some of the changes replace the replicas."""


class EditedCluster(Cluster, Edited):
    pass


class EditedNodepool(Nodepool, Edited):
    pass


class EditedProject(Project, Edited):
    pass


class EditedSecret(Secret, Edited):
    pass


class EditedInstanceType(InstanceType, Edited):
    pass


class EditedModel(Model, Edited):
    pass


class EditedModelVersion(ModelVersion, Edited):
    pass


class Foreseen(Answer):
    forecast: Explanation | None = None
    """Only of a dry run: whether it would find a place, and where."""


class NewDeployment(Deployment, Foreseen):
    pass


class EditedDeployment(Deployment, Edited, Foreseen):
    pass


class ObjectName(Answer):
    kind: str
    id: str


class Impact(Answer):
    """What the deletion of an object would mean."""

    stops: dict[str, int]
    """How many of what runs would stop, by kind: {replicas: 2}."""
    objects: list[ObjectName]
    """What would be deleted with it."""
    blocked_by: list[ObjectName]
    """What needs it: while there is something, deleting it is refused."""


class DrainTarget(Answer):
    node_id: str
    node_name: str
    replicas: int
    """That are not ready there yet."""


class DrainMove(Answer):
    """Of one deployment."""

    deployment_id: str
    replicas: int
    """That serve on the node, or may do so unseen."""
    to: list[DrainTarget]
    stays: int
    """Replicas that can go nowhere: letting them go would leave too few."""
    why: list[Rejection]
    """Why no other node takes those that stay."""


class DrainPlan(Answer):
    """What draining a node means, or still means."""

    moves: list[DrainMove]
    hidden: int
    """Deployments on the node that the reader may not see."""


class AppliedDocument(Answer):
    kind: str
    id: str
    action: Literal["created", "configured", "unchanged"]
    changes: list[ChangedField] = Field(default_factory=list)
    """Of an object that existed before."""
    recorded: list[str] = Field(default_factory=list)
    """Fields that are set, kept and shown, and that nothing acts on yet."""
    forecast: Explanation | None = None
    """Only of a deployment in a dry run: whether it would find a place, and where."""


class ApplyResult(Answer):
    results: list[AppliedDocument]
    seq: int


class Alarm(Answer):
    """Something that a person should look at. It goes when its cause does."""

    name: str
    message: str
    hint: str
    since: float
    """Unix seconds."""


class ServerStatus(Answer):
    version: str
    store_id: str
    seq: int
    uptime_seconds: float
    nodes: Count
    deployments: Count
    replicas: Count
    alarms: list[Alarm]
    gateway_url: str
    api_url: str


class Health(Answer):
    status: Literal["ok"]


class ErrorBody(Answer):
    code: ErrorCode
    message: str
    hint: str
    """How to mend it; may be empty."""
    path: str
    """The field that is wrong; may be empty."""
    request_id: str
    details: dict[str, Any] = Field(default_factory=dict)
    """For programs. Of an edit in conflict: `current`, `generation_read` and `conflicts` [{path, yours, theirs}]."""


class Error(Answer):
    error: ErrorBody
