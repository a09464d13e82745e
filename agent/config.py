"""What an agent is started with."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from agent.local_gateway.options import LocalGatewayOptions
from agent.policy import HostPolicy


@dataclass(frozen=True, slots=True)
class RunConfig:
    """`name` replaces the hostname. Without `stop_replicas_on_exit` models outlive the agent."""

    state_dir: Path
    policy: HostPolicy = field(default_factory=HostPolicy)
    name: str = ""
    stop_replicas_on_exit: bool = False
    # None = this agent listens to nobody.
    local_gateway: LocalGatewayOptions | None = None
    # host:port of the page of metrics; empty = there is none.
    metrics: str = ""
    drain_seconds: float = 30.0


def default_state_dir() -> Path:
    """The system's for root, the user's otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/homeport-agent")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "homeport-agent"
