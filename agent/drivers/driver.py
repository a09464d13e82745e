"""The seam between the agent and a container or process runtime.

Rules for every driver:
- "No answer" is never "dead": `inspect` says UNKNOWN when the runtime cannot be asked.
- A replica outlives the agent. Whatever is needed to find it again is in its Handle, or can be looked up by replica id.
- One supervisor only: a driver never restarts anything by itself.
- Calls for different replicas may overlap; calls for one replica are made one at a time, `wait`, `inspect`, `stats`
  and `logs` excepted.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from agent.drivers.runtime import Runtime
from agent.secrets.replica_secrets import NO_SECRETS, ReplicaSecrets
from homeport.core.workload import ContainerOptions


class RunState(StrEnum):
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"


class DriverError(Exception):
    """The message is a reason for people: it is shown as the replica's reason."""


class StartRefused(DriverError):
    """Nothing was started, and trying again unchanged is unlikely to help (no such command, no such image)."""


class DriverUnavailable(DriverError):
    """The runtime did not answer: what it runs is UNKNOWN."""


class Unkillable(DriverError):
    """The replica did not end on SIGKILL. Its devices must be taken for lost."""


@dataclass(frozen=True, slots=True)
class Handle:
    """What a driver needs to find a replica again, also after a restart of the agent, and where the replica listens.

    `data` is JSON-able and the driver's own; `version` is that of its layout. `grpc_port` 0 = gRPC is on `port`, too.
    """

    driver: str
    version: int
    host: str
    port: int
    data: dict[str, Any] = field(default_factory=dict)
    grpc_port: int = 0


@dataclass(frozen=True, slots=True)
class Labels:
    """What is written on a replica, so that it tells who it is when every note of it is lost."""

    replica_id: str
    deployment_id: str
    placement_id: str = ""
    revision: int = 0
    spec_hash: str = ""
    number: int = 0
    gpu_uuids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A replica to start. Placeholders are filled in already.

    The agent reaches it on host:port. In a container it listens on `container_port`, which the driver publishes there;
    a plain process listens on host:port itself. So it is with `grpc_port`, where it is not 0. `cpu_milli` and
    `memory_bytes` are limits, 0 = none.
    """

    labels: Labels
    command: tuple[str, ...]
    env: dict[str, str]
    working_directory: str
    image: str
    host: str
    port: int
    container_port: int = 0
    grpc_port: int = 0
    container_grpc_port: int = 0
    cpu_milli: int = 0
    memory_bytes: int = 0
    gpu_uuids: tuple[str, ...] = ()
    container: ContainerOptions = field(default_factory=ContainerOptions)
    # In clear; of `start` alone.
    secrets: ReplicaSecrets = NO_SECRETS

    @property
    def replica_id(self) -> str:
        return self.labels.replica_id

    @property
    def deployment_id(self) -> str:
        return self.labels.deployment_id


@dataclass(frozen=True, slots=True)
class Found:
    """Something that runs, or ended and was not removed, and calls itself a replica of this agent."""

    labels: Labels
    handle: Handle
    state: RunState


@dataclass(frozen=True, slots=True)
class Exit:
    """`code` is None when nobody was there to read it; it is negative when a signal ended the replica."""

    code: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Inspection:
    state: RunState
    exit: Exit | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """Of the whole replica, its children included. `cpu_seconds` and `io_bytes` count since its start."""

    cpu_seconds: float
    memory_bytes: int
    io_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Executed:
    """`output` is the last few KiB of stdout and stderr together."""

    code: int
    output: str


@runtime_checkable
class SelfProbing(Protocol):
    """A driver whose replicas answer no probe because the driver itself knows how they are."""

    def is_ready(self, handle: Handle) -> bool: ...

    def is_alive(self, handle: Handle) -> bool: ...


@runtime_checkable
class OwnNetwork(Protocol):
    """A driver whose replicas have addresses of their own, where ports answer that are not published."""

    async def address(self, handle: Handle) -> str:
        """As this host reaches it; empty when it does not. Raises DriverUnavailable."""
        ...


class Driver(Protocol):
    @property
    def name(self) -> str: ...

    async def prepare(self, request: StartRequest, report: Callable[[str], None]) -> None:
        """Brings what a start needs onto the host (an image); may take long, may be cancelled. Safe to repeat.

        `report` gets a line for people at each step ahead, such as "pulling vllm:v0.9, 1.2 of 2.6 GiB".
        Raises StartRefused, DriverUnavailable.
        """
        ...

    async def start(self, request: StartRequest) -> Handle:
        """Starts the replica and returns at once, ready or not. Never called twice for one life of a replica.

        Raises StartRefused (nothing runs), DriverUnavailable (look with `recover`).
        """
        ...

    async def recover(self, replica_id: str, handle: Handle | None) -> Handle | None:
        """Finds a replica after a restart of the agent, so that `wait`, `stop` and `logs` work on it again.

        `handle` is None when the agent died between its intent and the return of `start`. Returns None when nothing
        of this replica runs. Raises DriverUnavailable.
        """
        ...

    async def find_all(self) -> list[Found]:
        """All that carries this agent's labels, in every state. Raises DriverUnavailable."""
        ...

    async def execute(self, handle: Handle, command: tuple[str, ...], timeout_seconds: float) -> Executed:
        """Runs a command beside the replica: inside its container, or with its environment and working directory.

        Raises StartRefused (no such command), TimeoutError (it was ended), DriverUnavailable.
        """
        ...

    async def wait(self, handle: Handle) -> Exit:
        """Ends when the replica does; at once when it has. May be called again. Cancelling it changes nothing."""
        ...

    async def stop(self, handle: Handle, grace_seconds: float) -> None:
        """Asks the replica to end, and ends it after the grace: it has ended on return. Idempotent.

        Waits for a runtime that does not answer, since nobody can say that it has. Raises Unkillable.
        """
        ...

    async def destroy(self, replica_id: str) -> None:
        """Removes what an ended replica leaves behind, logs included. Idempotent. Waits for a silent runtime."""
        ...

    async def inspect(self, handle: Handle) -> Inspection: ...

    async def stats(self, handle: Handle) -> Stats | None:
        """None when it has ended or cannot be told."""
        ...

    def logs(self, replica_id: str, tail_lines: int, follow: bool) -> AsyncIterator[bytes]:
        """Whole lines in chunks: the last `tail_lines` (0 = none), then new ones while `follow`.

        Also of a replica that has ended, until it is destroyed; a follower also sees its restarts.
        """
        ...

    async def tend(self) -> None:
        """Housekeeping, called every few seconds: rotation of logs."""
        ...

    async def runtime(self) -> Runtime:
        """Raises DriverUnavailable."""
        ...

    async def close(self) -> None:
        """Lets go of the runtime. Replicas run on."""
        ...
