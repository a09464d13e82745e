"""States with one name everywhere: wire, store, API, CLI."""

from dataclasses import dataclass
from enum import StrEnum


class NodeStatus(StrEnum):
    INITIALIZING = "initializing"
    READY = "ready"
    SUSPECT = "suspect"
    DISCONNECTED = "disconnected"
    LOST = "lost"


class ReplicaStatus(StrEnum):
    PENDING = "pending"
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    STOPPED = "stopped"
    FAILED = "failed"
    FENCED = "fenced"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ReplicaReport:
    """One replica as its agent sees it. `since` is unix seconds on the agent's clock, for display only."""

    replica_id: str
    placement_id: str
    deployment_id: str
    revision: int
    status: ReplicaStatus
    reason: str = ""
    since: float = 0.0
    restarts: int = 0
    spec_hash: str = ""
    start_ms: int = 0
    # As the agent calls its deployment; empty = by the deployment's own id.
    track: str = ""
