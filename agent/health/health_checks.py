"""Asks ready replicas whether they are well, where their deployment says how: who is not gets no requests meanwhile,
unless nobody else is there: that is the relay's to say.

That is all that happens to it: what starts badly or hangs is the business of the version's own probes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog

from agent.placement import DesiredState
from agent.reconcile.http_probe import probe_http
from agent.reconcile.replica import Replica
from homeport.core.balance.balancing import HealthCheck
from homeport.core.history.replica_fault import HEALTH_CHECK, ReplicaFault
from homeport.core.status import ReplicaStatus

log = structlog.get_logger()

_LOOK_SECONDS = 0.5

# (host, port, path, seconds) -> empty for a success, else what was wrong
Ask = Callable[[str, int, str, float], Awaitable[str]]


@dataclass(slots=True)
class _Patient:
    """A ready replica. `due` is monotonic seconds."""

    replica: Replica
    due: float = 0.0
    failures: int = 0
    asking: asyncio.Task[None] | None = None


class HealthChecks:
    """`note(deployment_id, fault)` is told of each check that failed."""

    def __init__(
        self,
        desired: Callable[[], DesiredState],
        replicas: Callable[[], Iterable[Replica]],
        monotonic: Callable[[], float],
        ask: Ask = probe_http,
        note: Callable[[str, ReplicaFault], None] = lambda deployment_id, fault: None,
    ) -> None:
        self._desired = desired
        self._replicas = replicas
        self._monotonic = monotonic
        self._ask = ask
        self._note = note
        self._followed = DesiredState()
        self._checks: dict[str, HealthCheck] = {}
        self._patients: dict[str, _Patient] = {}

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self.look()
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            for patient in self._patients.values():
                if patient.asking is not None:
                    patient.asking.cancel()

    def look(self) -> None:
        """Begins to ask those that it is time for."""
        self._follow()
        if not self._checks and not self._patients:
            return
        now = self._monotonic()
        here = {}
        for replica in self._replicas():
            check = self._checks.get(replica.record.deployment_id)
            if check is not None and replica.status is ReplicaStatus.READY and replica.handle is not None:
                patient = here[replica.replica_id] = self._patients.pop(replica.replica_id, _Patient(replica))
                if patient.asking is None and now >= patient.due:
                    patient.due = now + check.interval_seconds
                    patient.asking = asyncio.create_task(self._examine(patient, check), name="health-check")
        for left in self._patients.values():
            if left.asking is not None:
                left.asking.cancel()
            left.replica.set_unwell("")
        self._patients = here

    def _follow(self) -> None:
        desired = self._desired()
        if desired is self._followed:
            return
        self._followed = desired
        newest = sorted(desired.placements.values(), key=lambda placement: (placement.revision, placement.placement_id))
        balancings = {placement.deployment_id: placement.policy.balancing for placement in newest}
        checks = {id: b.health_check for id, b in balancings.items() if b is not None and b.health_check is not None}
        for patient in self._patients.values():
            deployment_id = patient.replica.record.deployment_id
            if checks.get(deployment_id) != self._checks.get(deployment_id):
                patient.due = 0.0
        self._checks = checks

    async def _examine(self, patient: _Patient, check: HealthCheck) -> None:
        replica, handle = patient.replica, patient.replica.handle
        try:
            if handle is None:
                return
            problem = await self._ask(handle.host, handle.port, check.path, check.timeout_seconds)
        finally:
            patient.asking = None
        patient.failures = patient.failures + 1 if problem else 0
        verdict = ""
        if problem:
            is_out = bool(replica.unwell) or patient.failures >= check.failure_threshold
            ejections = int(is_out and not replica.unwell)
            fault = ReplicaFault(replica.replica_id, replica.record.revision, HEALTH_CHECK, ejections, 1, problem)
            self._note(replica.record.deployment_id, fault)
            if not is_out:
                return
            verdict = f"health check fails: {problem}"
        if bool(verdict) != bool(replica.unwell):
            log.warning("a replica's health has changed", replica_id=replica.replica_id, problem=verdict or "none")
        replica.set_unwell(verdict)
