"""Nodes as the API shows them, and what draining one means."""

from homeport.core.node_lifecycle.drain import Drain
from homeport.core.placement.types import Rejection
from homeport.core.resources import Inventory
from homeport.core.status import NodeStatus
from homeport.schema.answer import Answer, Resource


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


class NodeGateway(Answer):
    """Where the node serves the clients of its site."""

    url: str
    tunnel_target: str
    """host:port for the cluster's other agents."""


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
    local_gateway: NodeGateway | None
    """As its agent has said when it connected last; null = it has none."""


class Node(Resource):
    spec: NodeFacts
    status: NodeState


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
