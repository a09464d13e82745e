"""What is written on a container: who it is, whose it is, and where the agent reaches it."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.drivers.driver import Labels, StartRequest

SCOPE = "homeport.node"
_REPLICA = "homeport.replica"
_DEPLOYMENT = "homeport.deployment"
_PLACEMENT = "homeport.placement"
_REVISION = "homeport.revision"
_SPEC_HASH = "homeport.spec-hash"
_NUMBER = "homeport.number"
_GPUS = "homeport.gpus"
_HOST = "homeport.host"
_PORT = "homeport.port"
_GRPC_PORT = "homeport.grpc-port"


@dataclass(frozen=True, slots=True)
class Marks:
    labels: Labels
    host: str
    port: int
    grpc_port: int = 0


def marks_of(request: StartRequest) -> Marks:
    return Marks(request.labels, request.host, request.port, request.grpc_port)


def to_container(marks: Marks, scope: str) -> dict[str, str]:
    labels = marks.labels
    return {
        SCOPE: scope,
        _REPLICA: labels.replica_id,
        _DEPLOYMENT: labels.deployment_id,
        _PLACEMENT: labels.placement_id,
        _REVISION: str(labels.revision),
        _SPEC_HASH: labels.spec_hash,
        _NUMBER: str(labels.number),
        _GPUS: ",".join(labels.gpu_uuids),
        _HOST: marks.host,
        _PORT: str(marks.port),
        _GRPC_PORT: str(marks.grpc_port),
    }


def from_container(written: Mapping[str, str], scope: str) -> Marks | None:
    """None for what is no replica, or one of another agent of this engine."""
    if written.get(SCOPE) != scope:
        return None
    try:
        labels = Labels(
            written[_REPLICA],
            written[_DEPLOYMENT],
            written[_PLACEMENT],
            int(written[_REVISION]),
            written[_SPEC_HASH],
            int(written[_NUMBER]),
            tuple(filter(None, written.get(_GPUS, "").split(","))),
        )
        return Marks(labels, written[_HOST], int(written[_PORT]), int(written.get(_GRPC_PORT, 0)))
    except (KeyError, ValueError):
        return None


def container_name(replica_id: str) -> str:
    return f"hp-{replica_id}"
