"""The replicas of a deployment as the autoscaler counts them."""

from collections.abc import Iterable

from homeport.core.autoscale.demand import Supply
from homeport.core.status import ReplicaReport, ReplicaStatus

_SERVING = (ReplicaStatus.READY, ReplicaStatus.UNKNOWN)
_LEAVING = (ReplicaStatus.DRAINING, ReplicaStatus.STOPPED)


def supply_of(deployment_id: str, reports: Iterable[ReplicaReport]) -> Supply:
    """One that has failed is started again by itself: it counts as starting."""
    statuses = [report.status for report in reports if report.deployment_id == deployment_id]
    ready = sum(status in _SERVING for status in statuses)
    return Supply(ready, sum(status not in _LEAVING for status in statuses) - ready)
