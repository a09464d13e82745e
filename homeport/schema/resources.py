"""What the API answers. Readers must ignore fields that they do not know: newer servers add some."""

from typing import Any, Literal

from pydantic import Field

from homeport.core.errors import ErrorCode
from homeport.schema.answer import Answer, Resource
from homeport.schema.cluster import ClusterSpec
from homeport.schema.deployment_resources import (
    Count,
)
from homeport.schema.instance_type import InstanceTypeSpec
from homeport.schema.model import ModelSpec
from homeport.schema.model_version import ModelVersionSpec
from homeport.schema.nodepool import NodepoolSpec
from homeport.schema.project import ProjectSpec
from homeport.schema.secret import SecretSpec


class Cluster(Resource):
    spec: ClusterSpec
    status: dict[str, Any]


class Nodepool(Resource):
    """Its id is `cluster/nodepool`."""

    spec: NodepoolSpec
    status: dict[str, Any]


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


class Model(Resource):
    spec: ModelSpec
    status: dict[str, Any]


class ModelVersion(Resource):
    """Its id is `model/version`."""

    spec: ModelVersionSpec
    status: dict[str, Any]


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
