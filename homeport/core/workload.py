"""What runs: the part of a deployment whose change makes a new revision."""

from dataclasses import dataclass, field
from enum import StrEnum

from homeport.core import canonical
from homeport.core.requirements import ANY_HOST, Requirements
from homeport.core.resources import ComputeNeeds
from homeport.core.secrets import SecretFiles, SecretValue, keys_needed

# A command or env value may name these; the agent fills them in when it starts the replica.
PLACEHOLDERS = ("{port}", "{grpc_port}", "{host}", "{replica_id}", "{deployment_id}")


class ProbeKind(StrEnum):
    HTTP = "http"
    TCP = "tcp"
    EXEC = "exec"
    GRPC = "grpc"


@dataclass(frozen=True, slots=True)
class Probe:
    """A question to a replica. HTTP: GET `path`, 2xx and 3xx are success. TCP: its port accepts a connection.
    EXEC: `command`, run inside the replica, ends with 0. GRPC: its health check says SERVING."""

    kind: ProbeKind = ProbeKind.HTTP
    path: str = "/health"
    command: tuple[str, ...] = ()
    interval_seconds: float = 1.0
    timeout_seconds: float = 2.0
    failure_threshold: int = 3


@dataclass(frozen=True, slots=True)
class Startup:
    """How long a replica may take until its first successful readiness probe.

    It is given up after `progress_deadline_seconds` without a sign of progress (image bytes, output, CPU or disk at
    work), and after `deadline_seconds` in any case.
    """

    progress_deadline_seconds: float = 300.0
    deadline_seconds: float = 3600.0


class PullPolicy(StrEnum):
    MISSING = "missing"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of the host, seen inside the container at `target`. Both absolute."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class Ulimit:
    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class ContainerOptions:
    """What only a container runtime understands. Empty and 0 = the image's or the engine's own."""

    entrypoint: tuple[str, ...] = ()
    pull: PullPolicy = PullPolicy.MISSING
    mounts: tuple[Mount, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    shared_memory_bytes: int = 0
    user: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    """One immutable packaging of a model, as a driver starts it."""

    driver: str
    command: tuple[str, ...] = ()
    image: str = ""
    env: dict[str, str] = field(default_factory=dict)
    # By the variable that gets the value; and files in memory.
    secret_env: dict[str, SecretValue] = field(default_factory=dict)
    secret_files: tuple[SecretFiles, ...] = ()
    working_directory: str = ""
    # Where the model listens (inside its container). 0 = the agent picks a port and passes it as {port} and $PORT.
    port: int = 0
    # Where it listens for gRPC, if not there: 0 likewise, passed as {grpc_port} and $GRPC_PORT. None = on `port`, too.
    grpc_port: int | None = None
    readiness: Probe = field(default_factory=Probe)
    # None = a replica that runs is taken for alive.
    liveness: Probe | None = None
    startup: Startup = field(default_factory=Startup)
    container: ContainerOptions = field(default_factory=ContainerOptions)
    needs: ComputeNeeds = field(default_factory=ComputeNeeds)
    requires: Requirements = ANY_HOST
    # Requests that one replica takes at once; more wait in the hold queue.
    concurrency: int = 32
    # What the replica may take between SIGTERM and SIGKILL.
    stop_grace_seconds: float = 10.0
    # The name that the model itself expects in the body's `model` field; empty = pass the client's on.
    served_model_name: str = ""
    # Counts restarts that people asked for: each is a rollout of the same workload.
    restart: int = 0

    def secrets_needed(self) -> dict[str, frozenset[str]]:
        """Keys, by secret."""
        return keys_needed(self.secret_env.values(), self.secret_files)

    def spec_hash(self) -> str:
        """Made once, when the revision is: stored beside it and never computed again by newer code."""
        return canonical.digest(self)
