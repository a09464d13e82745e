"""What a replica finds in its environment, its labels among it: by these an agent knows its own again."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from agent.drivers.driver import Labels, StartRequest

# All that a replica inherits: the agent's own environment may hold what is none of a model's business.
_INHERITED = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE",
    "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
)  # fmt: skip
_SCOPE = "HOMEPORT_NODE_ID"
_REPLICA_ID = "HOMEPORT_REPLICA_ID"
_DEPLOYMENT_ID = "HOMEPORT_DEPLOYMENT_ID"
_PLACEMENT_ID = "HOMEPORT_PLACEMENT_ID"
_REVISION = "HOMEPORT_REVISION"
_SPEC_HASH = "HOMEPORT_SPEC_HASH"
_NUMBER = "HOMEPORT_REPLICA_NUMBER"
_GPUS = "HOMEPORT_GPU_UUIDS"
_HOST = "HOMEPORT_HOST"
_PORT = "PORT"
# What it is told, and what it is known by: the first one may be a model's own.
_TOLD_GRPC_PORT = "GRPC_PORT"
_GRPC_PORT = "HOMEPORT_GRPC_PORT"


@dataclass(frozen=True, slots=True)
class Marks:
    """What a replica's environment tells of it."""

    labels: Labels
    host: str
    port: int
    grpc_port: int = 0


def environment_of(request: StartRequest, scope: str) -> dict[str, str]:
    environment = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    # A replica that was given no GPU must not take one; one that was given some sees these only.
    environment["CUDA_VISIBLE_DEVICES"] = ""
    environment.update(request.env)
    environment.update(request.secrets.env)
    if request.gpu_uuids:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(request.gpu_uuids)
    if request.grpc_port:
        environment[_TOLD_GRPC_PORT] = str(request.grpc_port)
    labels = request.labels
    return environment | {
        _PORT: str(request.port),
        _GRPC_PORT: str(request.grpc_port),
        _HOST: request.host,
        _SCOPE: scope,
        _REPLICA_ID: labels.replica_id,
        _DEPLOYMENT_ID: labels.deployment_id,
        _PLACEMENT_ID: labels.placement_id,
        _REVISION: str(labels.revision),
        _SPEC_HASH: labels.spec_hash,
        _NUMBER: str(labels.number),
        _GPUS: ",".join(labels.gpu_uuids),
    }


def marks_of(environment: Mapping[str, str], scope: str) -> Marks | None:
    """None for what is no replica, or one of another agent on this host."""
    if environment.get(_SCOPE) != scope:
        return None
    try:
        labels = Labels(
            environment[_REPLICA_ID],
            environment[_DEPLOYMENT_ID],
            environment[_PLACEMENT_ID],
            int(environment[_REVISION]),
            environment[_SPEC_HASH],
            int(environment[_NUMBER]),
            tuple(filter(None, environment.get(_GPUS, "").split(","))),
        )
        return Marks(labels, environment[_HOST], int(environment[_PORT]), int(environment.get(_GRPC_PORT, 0)))
    except (KeyError, ValueError):
        return None


def unmarked(environment: Mapping[str, str]) -> dict[str, str]:
    """The same for a process beside the replica, which nobody must take for the replica itself."""
    return {key: value for key, value in environment.items() if key != _SCOPE}
