"""What nodes have told of the past since this control plane started, added up for metrics."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from controlplane.store.history import NodeHistory, new_entries
from homeport.core.histogram import START_BOUNDS, Histogram
from homeport.core.history.cold_start import ColdStart, StartParts
from homeport.core.history.entry import Told
from homeport.core.history.replica_fault import ReplicaFault
from homeport.core.history.scaling_change import ScalingChange
from homeport.core.history.traffic_minute import TrafficMinute
from homeport.core.rollout.track import deployment_of

_PARTS: dict[str, Callable[[StartParts], float]] = {
    "queue": lambda parts: parts.queue_seconds,
    "place": lambda parts: parts.place_seconds,
    "image": lambda parts: parts.image_seconds,
    "create": lambda parts: parts.create_seconds,
    "load": lambda parts: parts.load_seconds,
    "warm_up": lambda parts: parts.warm_up_seconds,
    "platform": lambda parts: parts.platform_seconds,
    "total": lambda parts: parts.total_seconds,
}


@dataclass(slots=True)
class DeploymentTally:
    """`parts`: of starts that became ready, by the names of the ledger. `changes` of scale, by their driver."""

    ready_starts: int = 0
    failed_starts: int = 0
    parts: dict[str, Histogram] = field(default_factory=lambda: {part: Histogram(START_BOUNDS) for part in _PARTS})
    changes: Counter[str] = field(default_factory=Counter)
    # Of replicas, by their cause.
    ejections: Counter[str] = field(default_factory=Counter)
    failed_checks: int = 0
    traffic: TrafficMinute = field(default_factory=TrafficMinute)


class HistoryTally:
    """By deployment."""

    def __init__(self) -> None:
        self.deployments: dict[str, DeploymentTally] = {}
        # Of each node: its log, and up to which number it is in here.
        self._marks: dict[str, tuple[str, int]] = {}

    def take(self, told: NodeHistory) -> None:
        """A page that is told again changes nothing."""
        for entry in new_entries(told.page, self._marks.get(told.node_id)):
            self._add(self.deployments.setdefault(deployment_of(entry.deployment_id), DeploymentTally()), entry.told)
            self._marks[told.node_id] = told.page.log_id, entry.number

    def keep_only(self, deployment_ids: Iterable[str]) -> None:
        for gone in self.deployments.keys() - set(deployment_ids):
            del self.deployments[gone]

    def _add(self, tally: DeploymentTally, told: Told) -> None:
        match told:
            case ColdStart(problem=""):
                tally.ready_starts += 1
                _observe(tally, told.parts)
            case ColdStart():
                tally.failed_starts += 1
            case ScalingChange():
                if not told.held_until:
                    tally.changes[told.driver] += 1
            case ReplicaFault():
                if told.ejections:
                    tally.ejections[told.cause] += told.ejections
                tally.failed_checks += told.failed_checks
            case TrafficMinute():
                tally.traffic = tally.traffic.with_another(told)


def _observe(tally: DeploymentTally, parts: StartParts) -> None:
    for part, seconds_of in _PARTS.items():
        tally.parts[part].observe(seconds_of(parts))
