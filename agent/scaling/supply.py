"""The replicas of each deployment as the autoscaler counts them."""

from collections.abc import Iterable

from homeport.core.autoscale.demand import Supply
from homeport.core.status import ReplicaReport, ReplicaStatus

_SERVING = (ReplicaStatus.READY, ReplicaStatus.UNKNOWN)
_LEAVING = (ReplicaStatus.DRAINING, ReplicaStatus.STOPPED)


def supplies(reports: Iterable[ReplicaReport]) -> dict[str, Supply]:
    """By deployment. One that has failed is started again by itself: it counts as starting."""
    counts: dict[str, list[int]] = {}
    for report in reports:
        if report.status not in _LEAVING:
            counts.setdefault(report.deployment_id, [0, 0])[report.status not in _SERVING] += 1
    return {key: Supply(ready, starting) for key, (ready, starting) in counts.items()}
