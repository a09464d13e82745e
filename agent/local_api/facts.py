"""What is known of this agent now, for whoever asks on its host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from homeport.core.autoscale.demand import Demand
from homeport.core.refusal import Refusal
from homeport.core.resources import Inventory
from homeport.core.status import ReplicaReport

if TYPE_CHECKING:  # asking needs no gRPC
    from agent.link.link import LinkState
    from agent.placement import DesiredState
    from agent.state.identity import Identity
    from agent.state.site_gateways import SiteGateway


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """`untold`: entries of history on the disk that the control plane does not have; `unwritten`: those that are not on
    the disk. `demands` by deployment, `ejections` by deployment and cause, `failed_checks` by deployment: since the
    agent's start. `local_gateway` is that one's own status; None = there is none."""

    identity: "Identity"
    link: "LinkState"
    epoch: int
    # Seconds; None = the control plane was never heard by this agent.
    heard_ago: float | None
    gateways: Sequence[str]
    tunnels: int
    desired: "DesiredState"
    replicas: Sequence[ReplicaReport]
    inventory: Inventory
    uptime_seconds: float
    notes: Sequence[str] = ()
    untold: int = 0
    unwritten: int = 0
    demands: Mapping[str, Demand] = field(default_factory=dict)
    refused: Sequence[Refusal] = ()
    ejections: Mapping[tuple[str, str], int] = field(default_factory=dict)
    failed_checks: Mapping[str, int] = field(default_factory=dict)
    local_gateway: dict[str, Any] | None = None
    site_gateways: "Sequence[SiteGateway]" = ()
