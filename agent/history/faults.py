"""Replicas that were not well: each fault within a minute, and sums since the agent's start."""

import asyncio
from collections import Counter
from collections.abc import Callable

from homeport.core.history.replica_fault import ReplicaFault
from homeport.core.rollout.track import deployment_of

_LOOK_SECONDS = 5.0
_TOLD_AFTER_SECONDS = 60.0

Add = Callable[[str, float, ReplicaFault], None]


class FaultRecorder:
    """`add(deployment_id, time, fault)` gets what was noted, once a minute has passed since it began, so that a replica
    that fails all the time does not fill the disk."""

    def __init__(self, add: Add, wall: Callable[[], float]) -> None:
        self._add = add
        self._wall = wall
        self._open: dict[tuple[str, str, str], tuple[float, ReplicaFault]] = {}
        # By deployment and cause.
        self.ejections: Counter[tuple[str, str]] = Counter()
        # By deployment.
        self.failed_checks: Counter[str] = Counter()

    def note(self, deployment_id: str, fault: ReplicaFault) -> None:
        key = deployment_id, fault.replica_id, fault.cause
        began, before = self._open.get(key, (self._wall(), None))
        self._open[key] = began, fault if before is None else before.with_another(fault)
        if fault.ejections:
            self.ejections[deployment_of(deployment_id), fault.cause] += fault.ejections
        if fault.failed_checks:
            self.failed_checks[deployment_of(deployment_id)] += fault.failed_checks

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """A clock that was set back makes them be told at once."""
        now = self._wall()
        for key, (began, _) in list(self._open.items()):
            if not 0 <= now - began < _TOLD_AFTER_SECONDS:
                self._tell(key)

    def close(self) -> None:
        """What has begun is told as far as it got."""
        for key in list(self._open):
            self._tell(key)

    def _tell(self, key: tuple[str, str, str]) -> None:
        began, fault = self._open.pop(key)
        self._add(key[0], began, fault)
