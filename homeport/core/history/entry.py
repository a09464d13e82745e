"""An entry of what a node remembers."""

from dataclasses import dataclass
from enum import StrEnum

from homeport.core.history.cold_start import ColdStart
from homeport.core.history.replica_fault import ReplicaFault
from homeport.core.history.scaling_change import ScalingChange
from homeport.core.history.token_usage import TokenUsage
from homeport.core.history.traffic_minute import TrafficMinute

Told = ColdStart | ScalingChange | TrafficMinute | TokenUsage | ReplicaFault


class EntryKind(StrEnum):
    COLD_START = "cold_start"
    SCALING = "scaling"
    TRAFFIC = "traffic"
    TOKEN_USAGE = "token_usage"
    REPLICA_FAULT = "replica_fault"


TYPES: dict[EntryKind, type[Told]] = {
    EntryKind.COLD_START: ColdStart,
    EntryKind.SCALING: ScalingChange,
    EntryKind.TRAFFIC: TrafficMinute,
    EntryKind.TOKEN_USAGE: TokenUsage,
    EntryKind.REPLICA_FAULT: ReplicaFault,
}
_KINDS = {told: kind for kind, told in TYPES.items()}


def kind_of(told: Told) -> EntryKind:
    return _KINDS[type(told)]


@dataclass(frozen=True, slots=True)
class Entry:
    """`number` rises with every entry of a log; `time` is the beginning of what it tells, unix seconds on the node's
    clock."""

    number: int
    deployment_id: str
    time: float
    told: Told


@dataclass(frozen=True, slots=True)
class Page:
    """Entries of one log, the oldest first. A node's log gets another id when it begins anew."""

    log_id: str
    entries: tuple[Entry, ...] = ()
