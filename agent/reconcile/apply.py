"""Carries out what the plan says, on the replicas of this node."""

import asyncio
import uuid
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count

from agent.placement import Placement
from agent.reconcile.adoption import remembered
from agent.reconcile.plan import Action, Restart, Retire, Start
from agent.reconcile.replica import Replica
from agent.reconcile.supervision import Supervision
from agent.reconcile.surroundings import Surroundings
from agent.state.journal import ReplicaRecord


@dataclass(frozen=True, slots=True)
class _Watched:
    replica: Replica
    supervision: Supervision


class Replicas:
    """All replicas of this node, by id."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._by_id: dict[str, _Watched] = {}
        self._numbers = count(1)

    def all(self) -> list[Replica]:
        return [watched.replica for watched in self._by_id.values()]

    def get(self, replica_id: str) -> Replica | None:
        watched = self._by_id.get(replica_id)
        return watched.replica if watched else None

    def ids(self) -> frozenset[str]:
        return frozenset(self._by_id)

    def adopt(self, records: Iterable[ReplicaRecord]) -> list[Awaitable[object]]:
        """Takes in what was there before. Each of the answers ends once its runtime was asked."""
        adopted = [self._watch(record) for record in records]
        highest = max((watched.replica.record.number for watched in self._by_id.values()), default=0)
        self._numbers = count(highest + 1)
        return [watched.supervision.adopt().wait() for watched in adopted]

    def remember(self, placements: Mapping[str, Placement]) -> None:
        """Gives those that were found without a note their workloads, now that these may be known."""
        for watched in list(self._by_id.values()):
            record = remembered(watched.replica.record, placements)
            if record is not None:
                watched.supervision.look_away()
                self._watch(record).supervision.adopt()

    def renumber(self, placements: Mapping[str, Placement]) -> None:
        """An edit and its reverse make a revision that asks for just what runs already: then that is of it."""
        for replica in self.all():
            placement = placements.get(replica.record.placement_id)
            if placement is not None and placement.spec_hash == replica.record.spec_hash:
                replica.belongs_to(placement.revision)

    def apply(self, actions: Iterable[Action], placements: Mapping[str, Placement]) -> None:
        for action in actions:
            match action:
                case Start():
                    self._start(action, placements[action.placement_id])
                case Restart():
                    self._by_id[action.replica_id].replica.restart()
                case Retire():
                    self._by_id[action.replica_id].replica.retire(action.reason)

    def forget(self, replica: Replica) -> None:
        """One that is gone."""
        self._by_id.pop(replica.replica_id, None)

    def ports(self) -> frozenset[int]:
        return frozenset(port for replica in self.all() for port in replica.ports.known)

    async def let_go(self) -> None:
        """They run on."""
        await asyncio.gather(*(watched.supervision.let_go() for watched in self._by_id.values()))

    async def stop(self, reason: str) -> None:
        replicas = self.all()
        for replica in replicas:
            replica.retire(reason)
        await asyncio.gather(*(replica.gone() for replica in replicas))

    def _start(self, action: Start, placement: Placement) -> None:
        record = ReplicaRecord(
            replica_id=str(uuid.uuid4()),
            placement_id=placement.placement_id,
            deployment_id=placement.deployment_id,
            revision=placement.revision,
            spec_hash=placement.spec_hash,
            workload=placement.workload,
            gpu_uuids=action.gpu_uuids,
            gpu_milli=action.gpu_milli,
            number=next(self._numbers),
        )
        self._watch(record).supervision.begin()

    def _watch(self, record: ReplicaRecord) -> _Watched:
        replica = Replica(record, self._around)
        watched = self._by_id[record.replica_id] = _Watched(replica, Supervision(replica, self._around))
        return watched
