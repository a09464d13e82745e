"""Inputs and outputs of the arbitration. All times are durations, seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from homeport.core.arbitration.room import Claim


@dataclass(frozen=True, slots=True)
class Contender:
    """A placement of this node. `least` is its minimum, `wanted` what its own autoscaler asks for. `needs` is what one
    replica takes of the host, `shares` are (uuid, milli) of the devices that it was given, `devices` of them go to one
    replica. `waiting_seconds`: how long the first request of its deployment has waited; None = none waits."""

    placement_id: str
    deployment_id: str
    wanted: int
    least: int = 0
    priority: int = 0
    needs: Claim = field(default_factory=Claim)
    shares: tuple[tuple[str, int], ...] = ()
    devices: int = 0
    waiting_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Resident:
    """A replica that holds something. `ready_seconds`: for how long it has been ready; None = it is not.
    `start_seconds` is what its start took. `idle`: nothing is in flight on it and nobody waits for its deployment.
    `leaving`: it is on its way out. `failing`: it is down, and will be tried again."""

    replica_id: str
    placement_id: str
    holds: Claim
    ready_seconds: float | None = None
    start_seconds: float = 0.0
    idle: bool = False
    leaving: bool = False
    failing: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """A replica is to leave for one of another placement. `entitled`: that one is below its minimum."""

    replica_id: str
    from_placement: str
    for_placement: str
    entitled: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """`allowed` replicas by placement id, as far as there is room for them now; of those that lose some, the ones that
    are `taken` go first. `pressure` by deployment id: replicas that those who wait want, or a minimum, and that find no
    room here. `asleep` are placements of which some were taken: they do with less until somebody waits for them.
    `look_again_in`: when a replica will have been here for long enough to be taken; None = no need."""

    allowed: Mapping[str, int]
    taken: tuple[Taken, ...] = ()
    pressure: Mapping[str, int] = field(default_factory=dict)
    asleep: frozenset[str] = frozenset()
    look_again_in: float | None = None
