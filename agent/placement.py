"""What the control plane asked of this node, as the agent keeps it."""

from dataclasses import dataclass, field, replace

from homeport.core.policy import Policy
from homeport.core.resources import DeviceShare
from homeport.core.sealed_secrets import SealedSecrets
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
    secrets: SealedSecrets = field(default_factory=SealedSecrets)
    # Of this node's cluster, those that the policy's residency asks for.
    site_labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Version:
    """Which state of which store. Only versions of one store can be compared: a restore begins a new store id."""

    store_id: str = ""
    seq: int = 0

    def is_older_than(self, other: "Version") -> bool:
        return self.store_id == other.store_id and self.seq < other.seq


@dataclass(frozen=True, slots=True)
class DesiredState:
    """`removed`: placements that were taken away by name. Their replicas stop; no others ever do. `named_by`: of each
    placement the id of the store that named it last."""

    version: Version = field(default_factory=Version)
    placements: dict[str, Placement] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    named_by: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DesiredUpdate:
    """A message of the control plane: a full snapshot, or what has changed."""

    version: Version
    full: bool
    placements: tuple[Placement, ...] = ()
    removed: tuple[str, ...] = ()
    # Placements that are named in the message but that this agent cannot read: they stay as they are.
    unreadable: tuple[str, ...] = ()
    # GPUs that a person has cleared, and when the quarantine began that is over so.
    cleared_gpus: dict[str, float] = field(default_factory=dict)


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
    names = [*named, *update.unreadable]
    return DesiredState(
        update.version, placements, removed, held.named_by | dict.fromkeys(names, update.version.store_id)
    )


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Placements that this node still serves and that a full snapshot did not name. They run on.

    `known`: the store has named them before, so it can tell that they are gone. `foreign`: it never has.
    """

    known: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


def unlisted(held: DesiredState, update: DesiredUpdate, with_replicas: frozenset[str]) -> Unlisted:
    """`with_replicas` are placements that have replicas here, of which there may be no other trace."""
    if not update.full:
        return Unlisted()
    named = {placement.placement_id for placement in update.placements} | set(update.unreadable)
    left = sorted((held.placements.keys() | with_replicas) - named - held.removed)
    known = tuple(key for key in left if held.named_by.get(key) == update.version.store_id)
    return Unlisted(known, tuple(key for key in left if key not in known))


@dataclass(frozen=True, slots=True)
class Removals:
    """What the control plane says is really gone. `deliberate`: it has a record of each deletion."""

    version: Version
    removed: tuple[str, ...]
    deliberate: bool = False


def is_too_much(held: DesiredState, removals: Removals, with_replicas: frozenset[str]) -> bool:
    """Whether more than half of what this node serves would go, without the control plane vouching for it."""
    serving = held.placements.keys() | with_replicas
    return not removals.deliberate and 2 * len(serving & set(removals.removed)) > len(serving)


def confirm_removals(held: DesiredState, removals: Removals) -> DesiredState | None:
    """The state without the placements that are really gone. None when the message is stale."""
    version = removals.version
    if version.store_id != held.version.store_id or version.seq < held.version.seq:
        return None
    placements = {key: value for key, value in held.placements.items() if key not in removals.removed}
    return replace(held, placements=placements, removed=held.removed | set(removals.removed))


def forget_removed(held: DesiredState, with_replicas: frozenset[str]) -> DesiredState:
    """Drops the notes of what is gone with all of its replicas."""
    named_by = {
        key: store_id for key, store_id in held.named_by.items() if key in held.placements or key in with_replicas
    }
    return replace(held, removed=held.removed & with_replicas, named_by=named_by)
