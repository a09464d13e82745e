"""One replica from intent to gone: start, probe, wait, and again, in one task.

When it is restarted or retired is decided elsewhere (plan.py); here it is done.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from agent.backoff import backoff_seconds
from agent.drivers.driver import (
    Driver,
    DriverError,
    DriverUnavailable,
    Handle,
    SelfProbing,
    StartRefused,
    Unkillable,
)
from agent.reconcile.http_probe import probe_http
from agent.reconcile.plan import Observed
from agent.reconcile.ports import HOST, pick_port
from agent.reconcile.readiness import Readiness, Verdict
from agent.reconcile.request import start_request
from agent.state.journal import ReplicaJournal, ReplicaRecord, Stage
from homeport.core.errors import HomeportError
from homeport.core.status import ReplicaReport, ReplicaStatus

log = structlog.get_logger()

RESTART_BASE_SECONDS = 1.0
RESTART_CAP_SECONDS = 60.0
# A life that was ready for this long was a good one: the next failure counts as the first.
_GOOD_LIFE_SECONDS = 60.0
_RECOVER_RETRY_SECONDS = 2.0
_AFTER_RETIREMENT = (ReplicaStatus.DRAINING, ReplicaStatus.STOPPED, ReplicaStatus.FENCED)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every replica of this node needs. `monotonic` and `wall` are clocks, `jitter` a random number in [0, 1)."""

    drivers: Mapping[str, Driver]
    journal: ReplicaJournal
    ports_in_use: Callable[[], frozenset[int]]
    # Called after each change of status; the replica's task is `done` when it is gone.
    changed: Callable[["Replica"], None]
    # Ends when no request is in flight on the replica any more.
    drained: Callable[["Replica"], Awaitable[None]]
    monotonic: Callable[[], float]
    wall: Callable[[], float]
    jitter: Callable[[], float]


class Replica:
    def __init__(self, record: ReplicaRecord, around: Surroundings) -> None:
        self.record = record
        self.status = ReplicaStatus.PENDING
        self.reason = ""
        self.since = around.wall()
        self.restart_at: float | None = None
        self._around = around
        self._failures = 0
        self._restart = asyncio.Event()
        self._retire = asyncio.Event()
        self._retire_reason = ""
        self._task: asyncio.Task[None] | None = None

    # -- what others see

    @property
    def replica_id(self) -> str:
        return self.record.replica_id

    @property
    def handle(self) -> Handle | None:
        return self.record.handle

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
            self.restart_at,
        )

    def report(self) -> ReplicaReport:
        record = self.record
        return ReplicaReport(
            replica_id=record.replica_id,
            placement_id=record.placement_id,
            deployment_id=record.deployment_id,
            revision=record.revision,
            status=self.status,
            reason=self.reason,
            since=self.since,
            restarts=record.restarts,
            spec_hash=record.spec_hash,
            start_ms=record.start_ms,
        )

    # -- commands

    def begin(self) -> None:
        """A new replica: starts it."""
        self._task = asyncio.create_task(self._live(adopt=False), name=f"replica-{self.replica_id}")

    def adopt(self) -> asyncio.Event:
        """One of an earlier run of the agent: looks for it. The event is set once the driver has answered."""
        self._set(ReplicaStatus.UNKNOWN, "being looked for after a restart of the agent")
        answered = asyncio.Event()
        self._task = asyncio.create_task(self._live(adopt=True, answered=answered), name=f"replica-{self.replica_id}")
        return answered

    def restart(self) -> None:
        self.restart_at = None
        self._restart.set()

    def retire(self, reason: str) -> None:
        self._retire_reason = reason
        self._retire.set()
        self.restart_at = None
        # At once, so that the next plan does not count it as serving.
        self._set(ReplicaStatus.DRAINING, reason)

    async def let_go(self) -> None:
        """Stops watching it. It runs on."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def gone(self) -> None:
        """Waits for the end of a retired replica."""
        if self._task:
            await asyncio.wait({self._task})

    # -- its life

    async def _live(self, adopt: bool, answered: asyncio.Event | None = None) -> None:
        driver = self._around.drivers.get(self.record.workload.driver)
        handle = await self._recover(driver, answered) if adopt else None
        if adopt and handle is None and not self._retire.is_set():
            self._fail("ended while the agent was away", restart_in=0.0)
            await self._first_of(self._restart, self._retire)
        while not self._retire.is_set():
            try:
                handle = handle or await self._start(driver)
                problem = await self._watch(_needed(driver), handle)
            except DriverUnavailable:
                # Started or not: only the runtime can tell, once it answers again.
                handle = await self._recover(driver, None)
                problem = "ended while the runtime did not answer"
                if handle is not None:
                    continue
            except (DriverError, HomeportError) as error:
                problem = str(error)
            if self._retire.is_set():
                break
            handle = None
            self._fail(problem)
            await self._first_of(self._restart, self._retire)
        await self._leave(driver, handle)

    async def _recover(self, driver: Driver | None, answered: asyncio.Event | None) -> Handle | None:
        while True:
            try:
                handle = await _needed(driver).recover(self.replica_id, self.record.handle)
            except (DriverUnavailable, StartRefused) as error:
                self._set(ReplicaStatus.UNKNOWN, str(error))
            else:
                if handle is not None:
                    # It served before: it goes on serving, and the probe takes it out if it should not.
                    ready = self.record.stage is Stage.READY
                    stage = Stage.READY if ready else Stage.STARTED
                    await self._note(replace(self.record, handle=handle, stage=stage))
                    self._set(ReplicaStatus.READY if ready else ReplicaStatus.STARTING, "adopted")
                if answered:
                    answered.set()
                return handle
            if answered:
                answered.set()
            await asyncio.sleep(_RECOVER_RETRY_SECONDS)

    async def _start(self, driver: Driver | None) -> Handle:
        driver = _needed(driver)
        self._restart.clear()
        # One that never ran is started for the first time, however often that was tried.
        restarts = self.record.restarts + (0 if self.record.stage is Stage.INTENT else 1)
        self.record = replace(self.record, stage=Stage.INTENT, handle=None, start_ms=0, restarts=restarts)
        # Before the driver is called: whatever it starts can be found again.
        await self._around.journal.put(self.record)
        port = pick_port(self.record.workload.port, self._around.ports_in_use())
        handle = await driver.start(start_request(self.record, HOST, port))
        await self._note(replace(self.record, stage=Stage.STARTED, handle=handle))
        self._set(ReplicaStatus.STARTING, "")
        return handle

    async def _watch(self, driver: Driver, handle: Handle) -> str:
        """Probes until the replica ends, misses its start deadline, or is retired. Returns why it failed."""
        probe, startup = self.record.workload.readiness, self.record.workload.startup
        ended = asyncio.create_task(driver.wait(handle))
        retired = asyncio.create_task(self._retire.wait())
        now = self._around.monotonic()
        was_ready = self.status is ReplicaStatus.READY
        readiness = Readiness(started_at=now, ready=was_ready)
        ready_since = now
        try:
            while True:
                problem = await self._probe(driver, handle)
                now = self._around.monotonic()
                if self._retire.is_set():
                    return ""
                if not ended.done():
                    readiness = readiness.after(probe, not problem)
                    verdict = readiness.verdict(startup, was_ready, now)
                    if verdict is Verdict.TOO_LATE:
                        await driver.stop(handle, self.record.workload.stop_grace_seconds)
                        return f"not ready within {startup.deadline_seconds:g} s: {problem}"
                    if verdict is Verdict.READY and self.status is not ReplicaStatus.READY:
                        ready_since = now
                        await self._became_ready(readiness, was_ready, now)
                        was_ready = True
                    elif verdict is Verdict.STARTING and (self.status is ReplicaStatus.READY or self.reason != problem):
                        self._set(ReplicaStatus.STARTING, problem)
                    await asyncio.wait(
                        {ended, retired}, timeout=readiness.next_delay(probe), return_when=asyncio.FIRST_COMPLETED
                    )
                if self._retire.is_set():
                    return ""
                if ended.done():
                    if was_ready and self._around.monotonic() - ready_since >= _GOOD_LIFE_SECONDS:
                        self._failures = 0
                    return ended.result().reason
        finally:
            ended.cancel()
            retired.cancel()

    async def _probe(self, driver: Driver, handle: Handle) -> str:
        if isinstance(driver, SelfProbing):
            return "" if driver.is_ready(handle) else "is starting"
        probe = self.record.workload.readiness
        return await probe_http(handle.host, handle.port, probe.path, probe.timeout_seconds)

    async def _became_ready(self, readiness: Readiness, was_ready: bool, now: float) -> None:
        if not was_ready:
            start_ms = max(1, round((now - readiness.started_at) * 1000))
            await self._note(replace(self.record, stage=Stage.READY, start_ms=start_ms))
        self._set(ReplicaStatus.READY, "")

    def _fail(self, problem: str, restart_in: float | None = None) -> None:
        if restart_in is None:
            self._failures += 1
            jitter = self._around.jitter()
            restart_in = backoff_seconds(self._failures, RESTART_BASE_SECONDS, RESTART_CAP_SECONDS, jitter)
        self.restart_at = self._around.monotonic() + restart_in
        log.warning("replica failed", replica_id=self.replica_id, reason=problem, restart_in=round(restart_in, 1))
        self._set(ReplicaStatus.FAILED, problem)

    async def _leave(self, driver: Driver | None, handle: Handle | None) -> None:
        workload = self.record.workload
        try:
            if driver is not None:
                if handle is not None:
                    await self._drain(driver, handle)
                    await driver.stop(handle, workload.stop_grace_seconds)
                await driver.destroy(self.replica_id)
            await self._around.journal.remove(self.replica_id)
        except Unkillable as error:
            self._set(ReplicaStatus.FENCED, str(error))
            return
        except HomeportError as error:
            # The note stays; the next start finds no such replica and retires it again.
            log.error("replica stopped but still noted", replica_id=self.replica_id, error=str(error))
        self._set(ReplicaStatus.STOPPED, self._retire_reason)

    async def _drain(self, driver: Driver, handle: Handle) -> None:
        """Until nothing is in flight on it, or it has ended by itself."""
        tasks = {
            asyncio.create_task(driver.wait(handle)),
            asyncio.ensure_future(self._around.drained(self)),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    async def _note(self, record: ReplicaRecord) -> None:
        """Journals it. A full disk does not stop a model: the intent is noted, which is enough to find it again."""
        self.record = record
        try:
            await self._around.journal.put(record)
        except HomeportError as error:
            log.error("replica not noted", replica_id=self.replica_id, stage=record.stage, error=str(error))

    def _set(self, status: ReplicaStatus, reason: str) -> None:
        if self._retire.is_set() and status not in _AFTER_RETIREMENT:
            return  # whatever is still learned of it, it stays on its way out
        if status is not self.status:
            self.since = self._around.wall()
        self.status = status
        self.reason = reason
        self._around.changed(self)

    async def _first_of(self, *events: asyncio.Event) -> None:
        tasks = {asyncio.create_task(event.wait()) for event in events}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()


def _needed(driver: Driver | None) -> Driver:
    if driver is None:
        raise StartRefused("its driver is not enabled on this host; start the agent with --allow-driver")
    return driver
