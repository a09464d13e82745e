"""One life of a replica: watched from its start, or from its adoption, until it ends or has to."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from agent.drivers.driver import Driver, DriverUnavailable, Handle
from agent.reconcile.liveness import Liveness
from agent.reconcile.output import last_line
from agent.reconcile.prober import Prober
from agent.reconcile.progress import Look, Progress
from agent.reconcile.readiness import Readiness
from agent.state.journal import ReplicaRecord


class Life:
    """`say(ready, problem)` is told each change of readiness; `became_ready` is awaited before the first, with the time
    at which it answered at all."""

    def __init__(
        self,
        driver: Driver,
        record: ReplicaRecord,
        handle: Handle,
        progress: Progress,
        was_ready: bool,
        say: Callable[[bool, str], None],
        became_ready: Callable[[float], Awaitable[None]],
        monotonic: Callable[[], float],
    ) -> None:
        self._driver = driver
        self._record = record
        self._workload = record.workload
        self._handle = handle
        self._prober = Prober(driver, record, handle, self._note_answer)
        self._progress = progress
        self._say = say
        self._became_ready = became_ready
        self._monotonic = monotonic
        self._ready_since = monotonic()
        self._answered_at: float | None = None
        self._was_ready = asyncio.Event()
        self._problem = ""
        if was_ready:
            self._was_ready.set()

    @property
    def ready_seconds(self) -> float:
        """Since it was ready first; 0 when it never was."""
        return self._monotonic() - self._ready_since if self._was_ready.is_set() else 0.0

    async def run(self) -> str:
        """Returns why it has failed; the replica has ended by then. Cancelled, it only looks away.

        Raises DriverUnavailable, Unkillable.
        """
        ended = asyncio.create_task(self._driver.wait(self._handle))
        watches: list[asyncio.Task[Any]] = [ended, asyncio.create_task(self._watch_readiness(ended))]
        if not self._was_ready.is_set():
            watches.append(asyncio.create_task(self._watch_progress()))
        if self._workload.liveness:
            watches.append(asyncio.create_task(self._watch_liveness()))
        try:
            done, _ = await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
            if ended in done:
                return ended.result().reason
            reason = str(next(iter(done)).result())
            self._say(False, f"is being stopped: {reason}")
            await self._driver.stop(self._handle, self._workload.stop_grace_seconds)
            return reason
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)

    async def _watch_readiness(self, ended: asyncio.Future[Any]) -> None:
        """For ever."""
        probe = self._workload.readiness
        readiness = Readiness(ready=self._was_ready.is_set())
        said = readiness.ready
        while True:
            problem = await self._prober.is_ready()
            if ended.done():
                await _for_ever()  # why it ended says more
            if problem is not None:
                readiness = readiness.after(probe, not problem)
                if readiness.ready and not self._was_ready.is_set():
                    self._ready_since = self._monotonic()
                    self._was_ready.set()
                    await self._became_ready(self._answered_at or self._ready_since)
                if readiness.ready != said or (not readiness.ready and problem != self._problem):
                    said = readiness.ready
                    self._say(readiness.ready, "" if readiness.ready else problem)
                self._problem = problem
            await asyncio.sleep(readiness.next_delay(probe))

    async def _watch_progress(self) -> str:
        """Until it must be given up."""
        while not self._was_ready.is_set():
            now = self._monotonic()
            self._progress = self._progress.after(await self._look(), now)
            verdict = self._progress.verdict(self._workload.startup, now)
            if verdict:
                return f"{verdict}: {self._problem}" if self._problem else verdict
            await self._ready_within(self._progress.next_look(self._workload.startup, now))
        return await _for_ever()

    async def _watch_liveness(self) -> str:
        """Until it must be restarted."""
        probe = self._workload.liveness
        assert probe is not None
        await self._was_ready.wait()
        liveness = Liveness()
        while not (verdict := liveness.verdict(probe)):
            await asyncio.sleep(probe.interval_seconds)
            problem = await self._prober.is_alive()
            if problem is not None:
                liveness = liveness.after(problem)
        return verdict

    async def _look(self) -> Look:
        try:
            stats = await self._driver.stats(self._handle)
        except DriverUnavailable:
            stats = None
        line = await last_line(self._driver, self._record.replica_id)
        return Look(stats.cpu_seconds, stats.io_bytes, line) if stats else Look(line=line)

    def _note_answer(self) -> None:
        self._answered_at = self._answered_at or self._monotonic()

    async def _ready_within(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._was_ready.wait()
        except TimeoutError:
            return


async def _for_ever() -> str:
    await asyncio.Event().wait()
    raise AssertionError
