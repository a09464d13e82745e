"""Carries out what the plan says, on the replicas of this node."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from itertools import count

from agent.placement import Placement
from agent.reconcile.plan import Action, Restart, Retire, Start
from agent.reconcile.replica import Replica
from agent.state.journal import ReplicaRecord


class Replicas:
    """All replicas of this node, by id. `make` builds one around a record."""

    def __init__(self, make: Callable[[ReplicaRecord], Replica]) -> None:
        self._make = make
        self._by_id: dict[str, Replica] = {}
        self._numbers = count(1)

    def all(self) -> list[Replica]:
        return list(self._by_id.values())

    def get(self, replica_id: str) -> Replica | None:
        return self._by_id.get(replica_id)

    def adopt(self, records: Iterable[ReplicaRecord]) -> list[Replica]:
        """Takes in what the journal holds; the callers sets them going."""
        adopted = [self._make(record) for record in records]
        self._by_id.update((replica.replica_id, replica) for replica in adopted)
        self._numbers = count(1 + max((replica.record.number for replica in adopted), default=0))
        return adopted

    def apply(self, actions: Iterable[Action], placements: Mapping[str, Placement]) -> None:
        for action in actions:
            match action:
                case Start():
                    self._start(action, placements[action.placement_id])
                case Restart():
                    self._by_id[action.replica_id].restart()
                case Retire():
                    self._by_id[action.replica_id].retire(action.reason)

    def forget(self, replica: Replica) -> None:
        """One that is gone."""
        self._by_id.pop(replica.replica_id, None)

    def ports(self) -> frozenset[int]:
        return frozenset(replica.handle.port for replica in self._by_id.values() if replica.handle)

    def _start(self, action: Start, placement: Placement) -> None:
        record = ReplicaRecord(
            replica_id=str(uuid.uuid4()),
            placement_id=placement.placement_id,
            deployment_id=placement.deployment_id,
            revision=placement.revision,
            spec_hash=placement.spec_hash,
            workload=placement.workload,
            gpu_uuids=action.gpu_uuids,
            number=next(self._numbers),
        )
        replica = self._make(record)
        self._by_id[record.replica_id] = replica
        replica.begin()
