"""One replica: who it is, how it is, and what it can be told. What it goes through is in supervision.py."""

import asyncio
from dataclasses import replace
from typing import Any

import structlog

from agent.drivers.driver import Handle
from agent.reconcile.plan import Observed
from agent.reconcile.ports import NO_PORTS, Ports
from agent.reconcile.surroundings import Surroundings
from agent.state.journal import ReplicaRecord
from homeport.core.errors import HomeportError
from homeport.core.refusal import Refusal
from homeport.core.status import ReplicaReport, ReplicaStatus

log = structlog.get_logger()

_AFTER_RETIREMENT = (ReplicaStatus.DRAINING, ReplicaStatus.STOPPED, ReplicaStatus.FENCED)
_COMING = (ReplicaStatus.PENDING, ReplicaStatus.STARTING)
_GONE = (ReplicaStatus.STOPPED, ReplicaStatus.FENCED)
_NOT_REMEMBERED = "runs, though nothing is known here of its placement; kept until the control plane says more"


class Replica:
    """`restart_at` is set while it has failed and waits; monotonic seconds."""

    def __init__(self, record: ReplicaRecord, around: Surroundings) -> None:
        self.record = record
        self.status = ReplicaStatus.PENDING
        self.reason = ""
        # Why it gets no requests though it is ready.
        self.unwell = ""
        self.since = around.wall()
        # Monotonic: since when it has been coming, from its order on; or in any other status.
        self.status_at = around.monotonic()
        self.restart_at: float | None = None
        # Why it was not started at the last try.
        self.refusal: Refusal | None = None
        # The ports of the host that it is being started on.
        self.starts_on = NO_PORTS
        # Whether it answered when its runtime did not.
        self.answers = False
        self.restarting = asyncio.Event()
        self.retired = asyncio.Event()
        self.retire_reason = ""
        self._around = around
        self._gone = asyncio.Event()

    # -- what others see

    @property
    def replica_id(self) -> str:
        return self.record.replica_id

    @property
    def handle(self) -> Handle | None:
        return self.record.handle

    @property
    def ports(self) -> Ports:
        """Of the host."""
        handle = self.record.handle
        return Ports(handle.port, handle.grpc_port) if handle else self.starts_on

    @property
    def serves(self) -> bool:
        """A runtime that is silent does not keep its replicas from answering."""
        answers = self.status is ReplicaStatus.UNKNOWN and self.answers
        is_ready = self.status is ReplicaStatus.READY and not self.unwell
        return self.record.handle is not None and (is_ready or answers)

    def observed(self) -> Observed:
        record = self.record
        return Observed(
            record.replica_id,
            record.placement_id,
            record.deployment_id,
            record.spec_hash,
            self.status,
            record.number,
            record.gpu_uuids,
            record.gpu_milli,
            self.restart_at,
        )

    def report(self) -> ReplicaReport:
        record = self.record
        return ReplicaReport(
            replica_id=record.replica_id,
            placement_id=record.placement_id,
            deployment_id=record.deployment_id,
            revision=record.revision,
            # To others it is what it was before it could serve.
            status=ReplicaStatus.STARTING if self.unwell else self.status,
            reason=self.reason or self.unwell or ("" if record.remembered else _NOT_REMEMBERED),
            since=self.since,
            restarts=record.restarts,
            spec_hash=record.spec_hash,
            start_ms=record.start_ms,
        )

    # -- what it is told

    def belongs_to(self, revision: int) -> None:
        """It is not journaled: whoever reads the journal next finds it out again."""
        if revision != self.record.revision and not self.retired.is_set():
            self.record = replace(self.record, revision=revision)
            self._around.changed(self)

    def restart(self) -> None:
        self.restart_at = None
        self.restarting.set()

    def retire(self, reason: str) -> None:
        """Takes no new requests, finishes those that it has, stops, and is gone."""
        if self.status in _GONE:
            return
        self.retire_reason = reason
        self.retired.set()
        self.restart_at = None
        # At once, so that the next plan does not count it as serving.
        self.set(ReplicaStatus.DRAINING, reason)

    async def gone(self) -> None:
        """Waits until a retired one has ended, or has shown that it will not."""
        await self._gone.wait()

    # -- what its supervision learns

    def set(self, status: ReplicaStatus, reason: str) -> None:
        if self.retired.is_set() and status not in _AFTER_RETIREMENT:
            return  # whatever is still learned of it, it stays on its way out
        if status is not self.status:
            self.since = self._around.wall()
            if status not in _COMING or self.status not in _COMING:
                self.status_at = self._around.monotonic()
        self.status = status
        self.reason = reason
        if status is not ReplicaStatus.READY:
            self.unwell = ""
        if status in _GONE:
            self._gone.set()
        self._around.changed(self)

    def set_unwell(self, why: str) -> None:
        """Of one that is ready; empty = it is well."""
        if why != self.unwell and self.status is ReplicaStatus.READY:
            if bool(why) != bool(self.unwell):
                self.since = self._around.wall()
            self.unwell = why
            self._around.changed(self)

    async def note(self, **changes: Any) -> None:
        """Journals it. A full disk does not stop a model: the intent is noted, which is enough to find it again."""
        self.record = replace(self.record, **changes)
        try:
            await self._around.journal.put(self.record)
        except HomeportError as error:
            log.error("replica not noted", replica_id=self.replica_id, stage=self.record.stage, error=str(error))
