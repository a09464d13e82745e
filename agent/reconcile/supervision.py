"""What a replica goes through, in one task: found or started, watched, and again, until it is retired and gone.

When it is restarted or retired is decided elsewhere (plan.py); here it is done.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import structlog

from agent.drivers.driver import Driver, DriverError, DriverUnavailable, Handle, StartRefused, StartRequest, Unkillable
from agent.failpoint import failpoint
from agent.reconcile.crashes import Crashes
from agent.reconcile.life import Life
from agent.reconcile.output import tail
from agent.reconcile.ports import HOST, NO_PORTS, is_container, pick_ports
from agent.reconcile.preparation import Preparation
from agent.reconcile.progress import Progress
from agent.reconcile.recovery import recover
from agent.reconcile.replica import Replica
from agent.reconcile.request import start_request
from agent.reconcile.start_clock import Part, StartClock
from agent.reconcile.surroundings import Surroundings
from agent.secrets.replica_secrets import SecretsMissing
from agent.state.journal import Stage
from homeport.core.errors import HomeportError
from homeport.core.history.cold_start import ColdStart, StartParts
from homeport.core.rollout.track import deployment_of
from homeport.core.status import ReplicaStatus

log = structlog.get_logger()

_ASK_AGAIN_SECONDS = 2.0
_FENCED_SECONDS = 30.0

T = TypeVar("T")


class Supervision:
    def __init__(self, replica: Replica, around: Surroundings) -> None:
        self._replica = replica
        self._around = around
        self._crashes = Crashes()
        # Of the start under way, or the last one.
        self._clock = StartClock(StartParts(), around.monotonic)
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Of a new replica: starts it."""
        self._task = asyncio.create_task(self._run(None), name=f"replica-{self._replica.replica_id}")

    def adopt(self) -> asyncio.Event:
        """Of one that was there before: looks for it. The event is set once its runtime has answered, or has not."""
        self._replica.set(ReplicaStatus.UNKNOWN, "being looked for after a restart of the agent")
        answered = asyncio.Event()
        self._task = asyncio.create_task(self._run(answered), name=f"replica-{self._replica.replica_id}")
        return answered

    def look_away(self) -> None:
        """The replica runs on."""
        if self._task:
            self._task.cancel()

    async def let_go(self) -> None:
        """Looks away, and returns when it has."""
        self.look_away()
        if self._task:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, adopting: asyncio.Event | None) -> None:
        replica = self._replica
        handle: Handle | None = None
        try:
            if adopting:
                handle = await self._adopt(adopting)
            while not replica.retired.is_set():
                handle = await self._one_life(handle)
            await self._leave(handle)
        except Unkillable as error:
            await self._outlast(str(error))
        replica.set(ReplicaStatus.STOPPED, replica.retire_reason)

    async def _adopt(self, answered: asyncio.Event) -> Handle | None:
        never_ran = self._replica.record.stage is Stage.INTENT
        handle = await recover(self._replica, self._around, answered)
        if handle is not None and self._replica.record.fenced:
            raise Unkillable("it did not end when it was killed")
        if handle is None and not self._replica.retired.is_set():
            why = "the agent ended before it was started" if never_ran else "ended while the agent was away"
            await self._wait_for_restart(why, restart_in=0.0)
        return handle

    async def _one_life(self, handle: Handle | None) -> Handle | None:
        """Starts it, unless it runs, and watches it to its end or to its retirement.

        Returns the handle of what still runs: it is retired, or its runtime could not be asked for a while.
        """
        life: Life | None = None
        try:
            driver = self._around.driver(self._replica.record.workload.driver)
            progress = Progress.begin(self._around.monotonic())
            if handle is None:
                prepared = await self._prepare(driver)
                if prepared is None:
                    return None
                progress, handle = prepared, await self._start(driver)
            elif self._replica.record.stage is not Stage.READY:
                self._go_on_timing()
            life = self._life(driver, handle, progress)
            problem = await self._unless_retired(life.run())
            if problem is None:
                return handle
        except DriverUnavailable as error:
            # Started or not: only the runtime can tell, once it answers again.
            self._replica.set(ReplicaStatus.UNKNOWN, str(error))
            handle = await recover(self._replica, self._around)
            if handle is not None:
                return handle
            problem = "ended while its runtime did not answer"
        except Unkillable:
            raise
        except (DriverError, HomeportError) as error:
            problem = str(error)
        if not self._replica.retired.is_set():
            await self._failed(problem, life)
        return None

    # -- starting it

    async def _prepare(self, driver: Driver) -> Progress | None:
        """None when it is retired meanwhile."""
        replica = self._replica
        replica.restarting.clear()
        replica.starts_on = NO_PORTS
        # One that never ran is started for the first time, however often that was tried.
        restarts = replica.record.restarts + (0 if replica.record.stage is Stage.INTENT else 1)
        parts = self._around.waited(replica.record.deployment_id)
        clock = self._clock = StartClock(parts, self._around.monotonic)
        replica.record = replace(
            replica.record,
            stage=Stage.INTENT,
            handle=None,
            start_ms=0,
            restarts=restarts,
            ordered_at=self._around.wall(),
            start_parts=parts,
        )
        # Before the driver is called: whatever it starts can be found again.
        await self._around.journal.put(replica.record)
        failpoint("intent-noted")
        clock.turn_to(Part.IMAGE)
        request = start_request(replica.record, HOST, NO_PORTS)
        preparation = Preparation(replica.record.workload.startup, self._say_preparing, self._around.monotonic)
        progress = await self._unless_retired(self._get_ready(preparation, driver, request))
        failpoint("prepared")
        clock.turn_to(Part.CREATE)
        return progress

    async def _get_ready(self, preparation: Preparation, driver: Driver, request: StartRequest) -> Progress:
        progress = await preparation.run(driver, request)
        self._clock.turn_to(Part.CREATE)
        replica = self._replica
        replica.refusal = await self._around.admit(replica.record)
        if replica.refusal is not None:
            raise StartRefused(f"needs {replica.refusal.need}, has {replica.refusal.have}")
        return progress

    async def _start(self, driver: Driver) -> Handle:
        replica = self._replica
        async with self._around.starting:
            try:
                secrets = await self._around.secrets(replica)
            except SecretsMissing as error:
                raise StartRefused(str(error)) from None
            replica.starts_on = pick_ports(replica.record.workload, self._around.ports_in_use())
            self._clock.turn_to(Part.CREATE)
            handle = await driver.start(start_request(replica.record, HOST, replica.starts_on, secrets))
            seconds = self._clock.turn_to(Part.LOAD)
            if is_container(replica.record.workload):
                self._clock.count_engine(seconds)
        failpoint("started")
        await replica.note(stage=Stage.STARTED, handle=handle, start_parts=self._clock.parts)
        failpoint("handle-noted")
        self._say(False, "")
        return handle

    def _life(self, driver: Driver, handle: Handle, progress: Progress) -> Life:
        return Life(
            driver,
            self._replica.record,
            handle,
            progress,
            was_ready=self._replica.status is ReplicaStatus.READY,
            say=self._say,
            became_ready=self._note_ready,
            monotonic=self._around.monotonic,
        )

    def _go_on_timing(self) -> None:
        """A start that another agent began, or that a silence of the runtime has cut in two."""
        record = self._replica.record
        parts = record.start_parts
        ran_for = self._around.wall() - (record.ordered_at + parts.image_seconds + parts.create_seconds)
        known = ran_for if record.ordered_at else 0.0
        self._clock = StartClock.of_one_found(parts, known, self._around.monotonic)

    async def _note_ready(self, answered_at: float) -> None:
        failpoint("ready")
        self._clock.turn_to(Part.WARM_UP, answered_at)
        self._clock.turn_to(Part.WARM_UP)
        start_ms = max(1, round(self._clock.ran_seconds * 1000))
        await self._replica.note(stage=Stage.READY, start_ms=start_ms, start_parts=self._clock.parts)
        self._tell_start("")
        failpoint("ready-noted")

    def _tell_start(self, problem: str) -> None:
        record = self._replica.record
        self._around.started(self._replica, ColdStart(record.replica_id, record.revision, self._clock.parts, problem))

    def _say(self, ready: bool, problem: str) -> None:
        status = ReplicaStatus.READY if ready else ReplicaStatus.STARTING
        self._replica.set(status, "" if ready else self._crashes.starting(problem))

    def _say_preparing(self, report: str) -> None:
        self._replica.set(ReplicaStatus.PENDING, self._crashes.starting(report))

    # -- after a failure

    async def _failed(self, problem: str, life: Life | None) -> None:
        """Returns when it is due again, or retired."""
        record = self._replica.record
        self._crashes = self._crashes.after(life.ready_seconds if life else 0.0, self._around.monotonic())
        if life:
            output = await tail(self._around.driver(record.workload.driver), record.replica_id)
            of = deployment_of(record.deployment_id)
            self._around.failures.keep(of, record.replica_id, self._around.wall(), problem, output)
        if record.stage is not Stage.READY:
            self._clock.turn_to(Part.LOAD)
            self._tell_start(problem)
        failpoint("failed")
        restart_in = self._crashes.backoff(self._around.jitter())
        await self._wait_for_restart(self._crashes.failed(problem, restart_in), restart_in)

    async def _wait_for_restart(self, why: str, restart_in: float) -> None:
        replica = self._replica
        if not replica.record.remembered:
            replica.retire(why)  # nobody could say how to start it
            return
        log.warning("replica failed", replica_id=replica.replica_id, reason=why, restart_in=round(restart_in, 1))
        replica.restart_at = self._around.monotonic() + restart_in
        replica.set(ReplicaStatus.FAILED, why)
        await self._unless_retired(replica.restarting.wait())

    # -- its end

    async def _leave(self, handle: Handle | None) -> None:
        """Raises Unkillable."""
        replica = self._replica
        driver = self._around.drivers.get(replica.record.workload.driver)
        if driver is not None:
            if handle is not None:
                failpoint("draining")
                await self._drain(driver, handle)
                failpoint("drained")
                grace = replica.record.workload.stop_grace_seconds
                await self._until_answered(partial(driver.stop, handle, grace))
                failpoint("stopped")
            await self._until_answered(partial(driver.destroy, replica.replica_id))
            failpoint("destroyed")
        await self._forget()

    async def _outlast(self, why: str) -> None:
        """One that cannot be killed, until it is gone after all."""
        replica = self._replica
        await replica.note(fenced=True)
        log.error("replica cannot be killed", replica_id=replica.replica_id, reason=why)
        replica.retire_reason = replica.retire_reason or why
        replica.retired.set()
        replica.set(ReplicaStatus.FENCED, why)
        while True:
            await asyncio.sleep(_FENCED_SECONDS)
            try:
                await self._leave_fenced()
            except (Unkillable, DriverUnavailable):
                continue
            return

    async def _leave_fenced(self) -> None:
        record = self._replica.record
        driver = self._around.driver(record.workload.driver)
        if record.handle is not None:
            await driver.stop(record.handle, 0.0)
        await driver.destroy(record.replica_id)
        await self._forget()

    async def _forget(self) -> None:
        try:
            await self._around.journal.remove(self._replica.replica_id)
            failpoint("forgotten")
        except HomeportError as error:
            # The note stays; the next agent finds no such replica and retires it again.
            log.error("replica stopped but still noted", replica_id=self._replica.replica_id, error=str(error))

    async def _drain(self, driver: Driver, handle: Handle) -> None:
        """Until nothing is in flight on it, or it has ended by itself."""
        tasks = {
            asyncio.create_task(self._until_answered(partial(driver.wait, handle))),
            asyncio.ensure_future(self._around.drained(self._replica)),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    # -- waiting

    async def _until_answered(self, call: Callable[[], Awaitable[Any]]) -> None:
        """Repeats a call that is safe to repeat while the runtime is silent."""
        while True:
            try:
                await call()
                return
            except DriverUnavailable as error:
                self._replica.set(ReplicaStatus.DRAINING, f"{self._replica.retire_reason}; {error}")
            await asyncio.sleep(_ASK_AGAIN_SECONDS)

    async def _unless_retired(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Its result; None when the replica is retired first, which ends the work."""
        working = asyncio.create_task(work)
        retired = asyncio.create_task(self._replica.retired.wait())
        try:
            await asyncio.wait({working, retired}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() and not self._replica.retired.is_set() else None
        finally:
            for task in (working, retired):
                task.cancel()
            await asyncio.gather(working, retired, return_exceptions=True)
