"""What a deployment's placements depend on beside itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from homeport.core.placement.fleet import Fleet
from homeport.core.status import ReplicaReport, ReplicaStatus

_ENDED = frozenset({ReplicaStatus.STOPPED, ReplicaStatus.FAILED, ReplicaStatus.FENCED})


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`replicas` are (node id, report) of the deployment. Of a node: for how long it has been silent, whether what is
    on it has to go without waiting for others to take over, whether its agent has spoken since the control plane
    started, and up to which write of the store it has acknowledged what it should run. `now` is unix seconds. Without
    `may_lose` nobody who was there is given up."""

    fleet: Fleet
    replicas: Sequence[tuple[str, ReplicaReport]]
    silent_seconds: Callable[[str], float]
    is_forced: Callable[[str], bool]
    is_heard: Callable[[str], bool]
    acked: Callable[[str], int]
    now: float = 0.0
    may_lose: bool = True

    @property
    def something_runs(self) -> bool:
        """Or may run, where nobody can tell."""
        return any(report.status not in _ENDED for _, report in self.replicas)
