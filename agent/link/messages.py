"""What agent and control plane say to each other, in the agent's own types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from agent.placement import DesiredUpdate, Removals, Unlisted, Version
from agent.state.site_gateways import SiteGateway
from homeport.core.hardware import Hardware
from homeport.core.refusal import Refusal
from homeport.core.resources import Inventory
from homeport.core.status import ReplicaReport


@dataclass(frozen=True, slots=True)
class Hello:
    """All that the control plane must know at the begin of a session."""

    epoch_seen: int
    boot_id: str
    process_id: str
    agent_version: str
    inventory: Inventory
    replicas: tuple[ReplicaReport, ...]
    applied: Version
    hardware: Hardware = field(default_factory=Hardware)
    # host:port of its tunnels, and what clients call it; None = this agent listens to nobody.
    local_gateway: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class SiteUpdate:
    """What this node's local gateway must know: (table, key, JSON or nothing = gone). The parts of a snapshot hold
    together only; tokens are accepted for so many seconds after the control plane was heard."""

    first: bool
    last: bool
    changes: list[tuple[str, str, str]]
    token_seconds: float


@dataclass(frozen=True, slots=True)
class Welcome:
    """Targets are host:port; an empty host means the one that was dialled."""

    epoch: int
    heartbeat_seconds: float
    server_version: str
    gateways: tuple[str, ...]
    bulk_target: str
    # What this control plane takes beyond the first release of the protocol.
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """What the host does now. `agent_cpu_seconds` counts since the agent's start."""

    cpu_used_cores: float = 0.0
    memory_used_bytes: int = 0
    agent_cpu_seconds: float = 0.0
    # What is not started, said again and again as long as that is so.
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Why the control plane ended the session, or why it could not be had: then `reason` is LINK_LOST."""

    reason: str
    message: str = ""
    retry_after_seconds: float = 0.0
    # Of LOCKED only: what runs here is to stop.
    stop_models: bool = False


LINK_LOST = "LINK_LOST"
# Of a control plane that lends local gateways what limited access tokens may use.
LEASES = "leases"
# Of one that takes what they deny.
DENIALS = "denials"


@dataclass(frozen=True, slots=True)
class LogsQuestion:
    question_id: str
    replica_id: str
    tail_lines: int
    follow: bool
    # The kept output of the so many newest failure of a deployment; 0 = what its replica prints now.
    previous: int = 0
    deployment_id: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Of desired state that is on the disk now."""

    applied: Version
    unlisted: Unlisted = field(default_factory=Unlisted)


class Node(Protocol):
    """What a session needs of the agent. Every call is made from the event loop."""

    def hello(self) -> Hello: ...

    @property
    def epoch_kept(self) -> int:
        """The newest epoch that is on the disk."""
        ...

    def load(self) -> Load: ...

    def pressure(self) -> Mapping[str, int]:
        """By deployment: replicas that it lacks here since others have the room. Never 0."""
        ...

    def welcomed(self, welcome: Welcome) -> None: ...

    async def keep_epoch(self, epoch: int) -> None:
        """Raises HomeportError when it can't be persisted."""
        ...

    def gateways_changed(self, targets: tuple[str, ...]) -> None: ...

    async def site_gateways_changed(self, gateways: tuple[SiteGateway, ...]) -> None:
        """Those of this site, the node's own excepted."""
        ...

    async def site_changed(self, update: SiteUpdate) -> None: ...

    def leases_granted(self, grant_json: str) -> None:
        """What the local gateway may use of limited access tokens."""
        ...

    async def update_desired(self, update: DesiredUpdate) -> Acknowledgement | None:
        """Persists, then acts. None when the update is stale. Raises HomeportError when it can't be persisted."""
        ...

    async def confirm_removals(self, removals: Removals) -> Acknowledgement | None: ...

    def history_kept(self, log_id: str, number: int) -> None:
        """The control plane has all entries of that log up to this one."""
        ...

    def asked_for_logs(self, question: LogsQuestion) -> str:
        """Begins the answer. Returns why that can't be, or nothing."""
        ...

    def question_cancelled(self, question_id: str) -> None: ...

    async def stop_models(self) -> None:
        """Stops all that runs here, until the control plane asks for it anew."""
        ...
