"""One node's reconciler with the simulated driver, a real state file and a virtual clock."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from agent.drivers.simulated import SimulatedDriver
from agent.placement import DesiredState, Placement, Version
from agent.reconcile.loop import Reconciler
from agent.reconcile.replica import Replica
from agent.replica_logs.failures import Failures
from agent.secrets.replica_secrets import NO_SECRETS, ReplicaSecrets
from agent.state.database import StateDatabase
from agent.state.journal import ReplicaJournal, ReplicaRecord
from homeport.core.history.cold_start import ColdStart, StartParts
from homeport.core.refusal import Refusal
from homeport.core.status import ReplicaStatus
from homeport.core.workload import Workload
from tests.fleet.virtual_time import run_in_virtual_time


class Host:
    """One node's reconciler on a driver that may be handed to the next one: an agent that was killed."""

    def __init__(self, path: Path, driver: SimulatedDriver | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.driver = driver or SimulatedDriver()
        self.database = StateDatabase.open_inline(path / "state.db")
        self.journal = ReplicaJournal(self.database)
        self.failures = Failures(path / "failures")
        self.drained: Callable[[Replica], Awaitable[None]] = _at_once
        # What a start of a deployment has behind it.
        self.waits: dict[str, StartParts] = {}
        self.starts: list[ColdStart] = []
        # Of deployments that can't be started, why.
        self.short: dict[str, Refusal] = {}
        self.history: list[tuple[float, str, str]] = []
        self.reconciler = Reconciler(
            {"simulated": self.driver},
            self.journal,
            self.failures,
            lambda replica: self.drained(replica),
            no_secrets,
            memory_available=lambda: 1 << 40,
            monotonic=loop.time,
            wall=loop.time,
            jitter=lambda: 0.5,
            admit=self._admit,
            waited=lambda deployment_id: self.waits.get(deployment_id, StartParts()),
            started=lambda replica, start: self.starts.append(start),
        )
        self.reconciler.listen(
            lambda replica: self.history.append((loop.time() - 1000, replica.status.value, replica.reason))
        )
        self._running: asyncio.Task[None] | None = None

    async def _admit(self, record: ReplicaRecord) -> Refusal | None:
        return self.short.get(record.deployment_id)

    async def start(self, desired: DesiredState | None = None) -> None:
        await self.reconciler.adopt(desired or DesiredState())
        self._running = asyncio.create_task(self.reconciler.run())

    def want(self, placement: Placement | None, count: int, removed: tuple[str, ...] = ()) -> None:
        placements = {placement.placement_id: placement} if placement else {}
        desired = DesiredState(Version("s", 1), placements, frozenset(removed))
        self.reconciler.want(desired, dict.fromkeys(placements, count))

    def replicas(self) -> list[Replica]:
        return self.reconciler.replicas()

    async def until(self, holds: Callable[[list[Replica]], bool]) -> None:
        async with asyncio.timeout(10_000):
            while not holds(self.replicas()):  # noqa: ASYNC110 - the clock is virtual
                await asyncio.sleep(0.01)

    async def kill(self, stop_replicas: bool = False) -> None:
        """As `kill -9` leaves it: what runs, runs on."""
        assert self._running is not None
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        await self.reconciler.close(stop_replicas)
        self.database.close()


async def no_secrets(workload: Workload, placement: Placement | None) -> ReplicaSecrets:
    return NO_SECRETS


async def _at_once(replica: Replica) -> None:
    return


def all_are(status: ReplicaStatus, count: int) -> Callable[[list[Replica]], bool]:
    return lambda replicas: [replica.status for replica in replicas] == [status] * count


def story(told: Callable[[Path], Coroutine[Any, Any, None]]) -> Callable[[Path], None]:
    def test(tmp_path: Path) -> None:
        run_in_virtual_time(told(tmp_path))

    test.__doc__ = told.__doc__
    return test
