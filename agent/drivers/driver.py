"""The seam between the agent and a container or process runtime.

Rules for every driver:
- "No answer" is never "dead": `inspect` says UNKNOWN when the runtime cannot be asked.
- A replica outlives the agent. Whatever is needed to find it again is in its Handle, or can be looked up by replica id.
- One supervisor only: a driver never restarts anything by itself.
- Calls for different replicas may overlap; calls for one replica are made one at a time, `wait`, `inspect`, `stats`
  and `logs` excepted.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable


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

    `data` is JSON-able and the driver's own; `version` is that of its layout.
    """

    driver: str
    version: int
    host: str
    port: int
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A replica to start. Placeholders are filled in already; the replica is to listen on host:port."""

    replica_id: str
    deployment_id: str
    command: tuple[str, ...]
    env: dict[str, str]
    working_directory: str
    image: str
    host: str
    port: int
    gpu_uuids: tuple[str, ...] = ()


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
    """Of the whole replica, its children included. `cpu_seconds` counts since its start."""

    cpu_seconds: float
    memory_bytes: int


@runtime_checkable
class SelfProbing(Protocol):
    """A driver whose replicas answer no probe because the driver itself knows when they are ready."""

    def is_ready(self, handle: Handle) -> bool: ...


class Driver(Protocol):
    @property
    def name(self) -> str: ...

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

    async def wait(self, handle: Handle) -> Exit:
        """Ends when the replica does; at once when it has. May be called again. Cancelling it changes nothing."""
        ...

    async def stop(self, handle: Handle, grace_seconds: float) -> None:
        """Asks the replica to end, and ends it after the grace: it has ended on return. Idempotent.

        Raises Unkillable.
        """
        ...

    async def destroy(self, replica_id: str) -> None:
        """Removes what an ended replica leaves behind, logs included. Idempotent."""
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

    async def close(self) -> None:
        """Lets go of the runtime. Replicas run on."""
        ...
