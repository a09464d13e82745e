"""What the control plane asked of this node, as the agent keeps it."""

from dataclasses import dataclass, field, replace

from homeport.core.policy import Policy
from homeport.core.resources import DeviceShare
from homeport.core.workload import Workload


@dataclass(frozen=True, slots=True)
class Placement:
    """A budget: this revision may run between min and max replicas here. `spec_hash` comes with it, never computed."""

    placement_id: str
    deployment_id: str
    revision: int
    rank: int
    min_replicas: int
    max_replicas: int
    workload: Workload
    spec_hash: str
    policy: Policy = field(default_factory=Policy)
    devices: tuple[DeviceShare, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """Which state of which store. Only versions of one store can be compared: a restore begins a new store id."""

    store_id: str = ""
    seq: int = 0

    def is_older_than(self, other: "Version") -> bool:
        return self.store_id == other.store_id and self.seq < other.seq


@dataclass(frozen=True, slots=True)
class DesiredState:
    """`removed`: placements that were taken away by name. Their replicas stop; no others ever do."""

    version: Version = field(default_factory=Version)
    placements: dict[str, Placement] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DesiredUpdate:
    """A message of the control plane: a full snapshot, or what has changed."""

    version: Version
    full: bool
    placements: tuple[Placement, ...] = ()
    removed: tuple[str, ...] = ()
    # Placements that are named in the message but that this agent cannot read: they stay as they are.
    unreadable: tuple[str, ...] = ()


def merge(held: DesiredState, update: DesiredUpdate) -> DesiredState | None:
    """The new state, or None for an update that is older than what is held.

    A full snapshot replaces nothing by silence: placements that it does not name stay. After a restore of the store
    only a full snapshot is taken.
    """
    if update.version.is_older_than(held.version):
        return None
    if update.version.store_id != held.version.store_id and not update.full:
        return None
    named = {placement.placement_id: placement for placement in update.placements}
    removed = (held.removed - named.keys()) | set(update.removed)
    placements = {key: value for key, value in {**held.placements, **named}.items() if key not in removed}
    return DesiredState(update.version, placements, removed)


def unlisted(held: DesiredState, update: DesiredUpdate, with_replicas: frozenset[str]) -> frozenset[str]:
    """After a full snapshot: placements that this node still serves and that the snapshot did not name.

    `with_replicas` are those that have replicas here. They run on until the control plane confirms their removal.
    """
    if not update.full:
        return frozenset()
    named = {placement.placement_id for placement in update.placements} | set(update.unreadable)
    return frozenset(held.placements.keys() | with_replicas) - named - held.removed


def confirm_removals(held: DesiredState, version: Version, removed: tuple[str, ...]) -> DesiredState | None:
    """The state without the placements that the control plane says are really gone. None when the message is stale."""
    if version.store_id != held.version.store_id or version.seq < held.version.seq:
        return None
    placements = {key: value for key, value in held.placements.items() if key not in removed}
    return DesiredState(held.version, placements, held.removed | set(removed))


def forget_removed(held: DesiredState, with_replicas: frozenset[str]) -> DesiredState:
    """Drops the notes of removals whose replicas are all gone."""
    return replace(held, removed=held.removed & with_replicas)
