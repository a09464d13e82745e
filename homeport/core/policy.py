"""How a deployment behaves: the live part of its spec. A change applies at once and makes no revision."""

from dataclasses import dataclass, field

from homeport.core.balance.balancing import Balancing
from homeport.core.schedule import ScheduledMin
from homeport.core.targets import Targets


@dataclass(frozen=True, slots=True)
class Scaling:
    """The seeds' knobs. Delays are seconds; None = the policy decides."""

    min_replicas: int = 1
    max_replicas: int = 1
    scale_up_delay_seconds: float = 0.0
    scale_down_delay_seconds: float | None = None
    scale_to_zero_delay_seconds: float | None = None
    traffic_history_seconds: float = 300.0
    soft_min_replicas: int = 0
    # What it is worth that a request need not wait for a start, in seconds of an idle replica.
    late_price_seconds: float = 300.0
    disable_packing: bool = False
    targets: Targets = field(default_factory=Targets)
    # To an agent: this node's part of it, as of `soft_min_replicas`.
    schedule: tuple[ScheduledMin, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    scaling: Scaling = field(default_factory=Scaling)
    # How long a request may wait for a replica before it is answered with 503.
    hold_seconds: float = 60.0
    # How many requests may wait on one node.
    hold_limit: int = 1024
    # From the gateway's first byte to the last; 0 = none.
    request_timeout_seconds: float = 600.0
    # "safe": one second try when the first may have been dispatched but no byte came back (design.md §7); or "none".
    retry: str = "safe"
    # Of silence of the control plane; then the node stops what it runs of it. None = never.
    stop_after_seconds: float | None = None
    # Of the deployment: where several want the same room, the higher goes first.
    priority: int = 0
    # Labels that a cluster must carry to run it.
    residency: dict[str, str] = field(default_factory=dict)
    # None = the default, least connections and nothing else: then requests need not look.
    balancing: Balancing | None = None
    # A model finishes what it has begun though the client is gone.
    drain_abandoned: bool = False
