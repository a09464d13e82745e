"""Between the autoscaler, which says how many replicas it wants, and the reconciler, which runs those that there is
room for: by this node's own account, before each start."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

import structlog

from agent.placement import DesiredState, Placement
from agent.reconcile.replica import Replica
from homeport.core.arbitration.arbitrate import arbitrate
from homeport.core.arbitration.room import Claim, Room
from homeport.core.arbitration.types import Contender, Resident, Taken, Verdict
from homeport.core.autoscale.demand import UNKNOWN_START_SECONDS, Demand
from homeport.core.resources import Inventory
from homeport.core.status import ReplicaStatus

log = structlog.get_logger()

_LEAVING = (ReplicaStatus.DRAINING, ReplicaStatus.STOPPED)


class Arbiter:
    """`demand(deployment_id)` is its traffic, `start_seconds(deployment_id)` what a start of it takes, as learned; None
    = not known yet. `in_flight(replica)` counts requests, `room()` is this node's when it is empty.
    `want(desired, allowed, first)` gets the counts by placement id, and the replicas that go first where some have
    to."""

    def __init__(
        self,
        replicas: Callable[[], Iterable[Replica]],
        demand: Callable[[str], Demand],
        start_seconds: Callable[[str], float | None],
        in_flight: Callable[[Replica], int],
        room: Callable[[], Room],
        want: Callable[[DesiredState, Mapping[str, int], frozenset[str]], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._replicas = replicas
        self._demand = demand
        self._start_seconds = start_seconds
        self._in_flight = in_flight
        self._room = room
        self._want = want
        self._monotonic = monotonic
        self._desired = DesiredState()
        self._wanted: Mapping[str, int] = {}
        self._asleep: frozenset[str] = frozenset()
        self._timer: asyncio.TimerHandle | None = None
        # By deployment: replicas that it lacks here.
        self.pressure: Mapping[str, int] = {}

    def apply(self, desired: DesiredState, wanted: Mapping[str, int]) -> None:
        """`wanted` is a count for each placement of `desired`."""
        self._desired, self._wanted = desired, wanted
        self._decide()

    def replica_changed(self, replica: Replica) -> None:
        """Whoever ends makes room for others."""
        if replica.status is ReplicaStatus.STOPPED and self._short:
            self._decide()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    @property
    def _short(self) -> bool:
        """Whether anybody wants more than it runs."""
        running = Counter(replica.record.placement_id for replica in self._replicas())
        return any(count > running[id] for id, count in self._wanted.items())

    def _decide(self) -> None:
        self.close()
        verdict = self._verdict()
        for taken in verdict.taken:
            _say(taken, self._desired.placements)
        self._asleep, self.pressure = verdict.asleep, verdict.pressure
        if verdict.look_again_in is not None:
            self._timer = asyncio.get_running_loop().call_later(verdict.look_again_in, self._decide)
        self._want(self._desired, verdict.allowed, frozenset(taken.replica_id for taken in verdict.taken))

    def _verdict(self) -> Verdict:
        if not self._asleep and not self._short:
            return Verdict(self._wanted)
        placements = self._desired.placements
        successors = _successors(placements.values())
        residents = [self._resident(replica, successors) for replica in self._replicas()]
        contenders = [self._contender(placements[id], count) for id, count in self._wanted.items() if id in placements]
        return arbitrate(contenders, residents, self._room(), self._asleep)

    def _contender(self, placement: Placement, wanted: int) -> Contender:
        demand, needs = self._demand(placement.deployment_id), placement.workload.needs
        return Contender(
            placement.placement_id,
            placement.deployment_id,
            wanted,
            placement.min_replicas,
            placement.policy.priority,
            Claim(needs.cpu_milli, needs.memory_bytes),
            tuple((share.gpu_uuid, share.compute_milli) for share in placement.devices),
            needs.accelerators,
            demand.oldest_wait_seconds if demand.queued else None,
        )

    def _resident(self, replica: Replica, successors: Mapping[str, str]) -> Resident:
        record, status = replica.record, replica.status
        needs, is_ready = record.workload.needs, status is ReplicaStatus.READY
        placement_id = record.placement_id
        removed = placement_id in self._desired.removed
        if removed:
            placement_id = successors.get(record.deployment_id, "")
        is_idle = is_ready and not self._in_flight(replica) and not self._demand(record.deployment_id).queued
        return Resident(
            replica.replica_id,
            # One that cannot be killed is nobody's: it holds what it has, and another takes its place.
            "" if status is ReplicaStatus.FENCED else placement_id,
            Claim(needs.cpu_milli, needs.memory_bytes, tuple((uuid, record.gpu_milli) for uuid in record.gpu_uuids)),
            self._monotonic() - replica.status_at if is_ready else None,
            self._start_seconds(record.deployment_id) or UNKNOWN_START_SECONDS,
            is_idle,
            leaving=status in _LEAVING or (removed and not placement_id),
            failing=status is ReplicaStatus.FAILED,
        )


def room_of(inventory: Inventory, unusable_gpus: Collection[str]) -> Room:
    """Of a host that is not fingerprinted yet nothing is known."""
    return Room(inventory.cpu_milli or None, inventory.memory_bytes or None, unusable_gpus)


def _successors(placements: Iterable[Placement]) -> dict[str, str]:
    """By deployment: its newest placement, which the replicas of those that were removed are an affair of."""
    ordered = sorted(placements, key=lambda placement: (placement.revision, placement.placement_id))
    return {placement.deployment_id: placement.placement_id for placement in ordered}


def _say(taken: Taken, placements: Mapping[str, Placement]) -> None:
    log.info(
        "replica gives way",
        replica_id=taken.replica_id,
        deployment_id=placements[taken.from_placement].deployment_id,
        to=placements[taken.for_placement].deployment_id,
        below_minimum=taken.entitled,
    )
