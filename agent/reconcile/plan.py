"""What to start, restart and retire on this node. Pure: the same input gives the same plan.

Three kinds of replica, by their placement:
- of a placement that is wanted: current when it runs the placement's workload, outdated when it runs another;
- of a placement that was removed by name: outdated when its deployment has another placement here, else surplus;
- of a placement that nobody has named: kept as it is. Nothing stops by absence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.placement import Placement
from agent.reconcile.devices import Devices
from homeport.core.refusal import Refusal
from homeport.core.status import ReplicaStatus


@dataclass(frozen=True, slots=True)
class Target:
    """A placement and how many replicas of it are wanted now.

    `surge`: one more than its maximum may run while outdated replicas are replaced, since the host has room for it.
    `first`: the replicas that go first where some have to.
    """

    placement: Placement
    wanted: int
    surge: bool = False
    first: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Observed:
    """A replica. `restart_at` is set while it has failed and waits; monotonic seconds.

    A later made replica has a higher `number`.
    """

    replica_id: str
    placement_id: str
    deployment_id: str
    spec_hash: str
    status: ReplicaStatus
    number: int = 0
    gpu_uuids: tuple[str, ...] = ()
    # Thousandths of each of them.
    gpu_milli: int = 1000
    restart_at: float | None = None
    # Requests that it works on.
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Start:
    placement_id: str
    gpu_uuids: tuple[str, ...] = ()
    gpu_milli: int = 1000


@dataclass(frozen=True, slots=True)
class Restart:
    replica_id: str


@dataclass(frozen=True, slots=True)
class Retire:
    """Takes no new requests, finishes those that it has, stops, and is gone."""

    replica_id: str
    reason: str


Action = Start | Restart | Retire


@dataclass(frozen=True, slots=True)
class Plan:
    """`look_again_at`: when a failed replica is due, monotonic seconds; None = nothing waits. `refused`: what is wanted
    and is not started, since others have what it was given and stay."""

    actions: tuple[Action, ...]
    look_again_at: float | None = None
    refused: tuple[Refusal, ...] = ()


_GIVES_WAY = "another deployment has more need of what it holds"

# Who goes first when one has to go.
_WORST_FIRST = {
    ReplicaStatus.FAILED: 0,
    ReplicaStatus.PENDING: 1,
    ReplicaStatus.STARTING: 2,
    ReplicaStatus.UNKNOWN: 3,
    ReplicaStatus.READY: 4,
}


def plan(
    targets: Sequence[Target],
    removed: frozenset[str],
    replicas: Sequence[Observed],
    now: float,
    unusable_gpus: frozenset[str] = frozenset(),
) -> Plan:
    """On `unusable_gpus` nothing is started; what failed there starts on another, what still runs there runs on."""
    newest = _newest_of_each_deployment(targets)
    wanted = {target.placement.placement_id: target for target in targets}
    devices = _devices(replicas, unusable_gpus)
    actions: list[Action] = []
    groups: dict[str, _Group] = {key: _Group(target) for key, target in wanted.items()}
    for replica in replicas:
        if replica.status is ReplicaStatus.FAILED and unusable_gpus.intersection(replica.gpu_uuids):
            actions.append(Retire(replica.replica_id, "its GPU is in quarantine"))
        elif replica.placement_id in wanted:
            groups[replica.placement_id].add(replica)
        elif replica.placement_id in removed:
            successor = newest.get(replica.deployment_id)
            if successor:
                groups[successor.placement.placement_id].add(replica)
            elif replica.status in _WORST_FIRST:
                actions.append(Retire(replica.replica_id, "its placement was removed"))
    starved = [key for key, group in groups.items() if group.decide(actions, devices)]
    retired = {action.replica_id for action in actions if isinstance(action, Retire)}
    waiting = [r for r in replicas if r.restart_at is not None and r.replica_id not in retired]
    actions += [Restart(r.replica_id) for r in waiting if r.restart_at is not None and r.restart_at <= now]
    later = [r.restart_at for r in waiting if r.restart_at is not None and r.restart_at > now]
    staying = [r for r in replicas if r.status is not ReplicaStatus.DRAINING and r.replica_id not in retired]
    without_leavers = _devices(staying, unusable_gpus)
    refusals = (without_leavers.refusal(wanted[key].placement) for key in starved)
    refused = tuple(refusal for refusal in refusals if refusal is not None)
    return Plan(tuple(actions), min(later, default=None), refused)


def _devices(replicas: Iterable[Observed], unusable: frozenset[str]) -> Devices:
    return Devices(((each.placement_id, each.gpu_uuids, each.gpu_milli) for each in replicas), unusable)


class _Group:
    """A wanted placement and every replica that is its affair."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._current: list[Observed] = []
        self._outdated: list[Observed] = []
        self._leaving = 0

    def add(self, replica: Observed) -> None:
        placement = self._target.placement
        if replica.status is ReplicaStatus.DRAINING:
            self._leaving += 1
        elif replica.status not in _WORST_FIRST:
            pass  # stopped is gone; a fenced one holds its devices, and another takes its place
        elif replica.placement_id == placement.placement_id and replica.spec_hash == placement.spec_hash:
            self._current.append(replica)
        else:
            self._outdated.append(replica)

    def decide(self, actions: list[Action], devices: Devices) -> bool:
        """Whether nothing of it runs, and nothing can be started: what runs is worth more than what might elsewhere."""
        placement = self._target.placement
        wanted = min(self._target.wanted, placement.max_replicas)
        ready = sum(replica.status is ReplicaStatus.READY for replica in self._current)
        first = self._target.first
        retired = _worst(self._current, len(self._current) - wanted, first)
        actions += [
            Retire(each.replica_id, _GIVES_WAY if each.replica_id in first else "fewer replicas are wanted")
            for each in retired
        ]
        replaced = _worst(self._outdated, len(self._outdated) - max(0, wanted - ready), first)
        actions += [Retire(r.replica_id, f"replaced by revision {placement.revision}") for r in replaced]

        missing = wanted - len(self._current)
        surge = 1 if self._outdated and self._target.surge else 0
        room = placement.max_replicas + surge - len(self._current) - len(self._outdated) - self._leaving
        started = 0
        while started < min(missing, room):
            shares = devices.take(placement)
            if shares is None:
                break
            milli = max((share.compute_milli for share in shares), default=1000)
            actions.append(Start(placement.placement_id, tuple(share.gpu_uuid for share in shares), milli))
            started += 1
        stuck = missing > 0 and not started and not replaced and not self._leaving and ready == len(self._current)
        if stuck and self._outdated:
            outdated = _worst(self._outdated, 1)[0]
            actions.append(Retire(outdated.replica_id, f"makes room for revision {placement.revision}"))
        return missing > 0 and not started and not (self._current or self._outdated or self._leaving)


def _newest_of_each_deployment(targets: Iterable[Target]) -> dict[str, Target]:
    newest: dict[str, Target] = {}
    for target in targets:
        held = newest.get(target.placement.deployment_id)
        if held is None or _age(held) < _age(target):
            newest[target.placement.deployment_id] = target
    return newest


def _age(target: Target) -> tuple[int, str]:
    return target.placement.revision, target.placement.placement_id


def _worst(replicas: Sequence[Observed], count: int, first: frozenset[str] = frozenset()) -> list[Observed]:
    """Those that are to go `first`, then those that serve nobody, then the least busy; among equals the youngest."""
    ordered = sorted(
        replicas,
        key=lambda r: (r.replica_id not in first, _WORST_FIRST[r.status], r.in_flight, -r.number, r.replica_id),
    )
    return ordered[: max(0, count)]
