"""What a deployment's replicas on this node promise to those that wait for one."""

from collections.abc import Iterable

from agent.reconcile.replica import Replica
from homeport.core.status import ReplicaStatus
from homeport.core.waiting import Outlook

_STARTING = (ReplicaStatus.PENDING, ReplicaStatus.STARTING)


def outlook_of(deployment_id: str, replicas: Iterable[Replica], start_seconds: float | None, now: float) -> Outlook:
    """`start_seconds`: from the order of one to its being ready, as learned."""
    mine = [replica for replica in replicas if replica.record.deployment_id == deployment_id]
    starting = [now - replica.status_at for replica in mine if replica.status in _STARTING]
    starting += [now - replica.restart_at for replica in mine if replica.restart_at is not None]
    return Outlook(sum(replica.serves for replica in mine), tuple(starting), start_seconds)
