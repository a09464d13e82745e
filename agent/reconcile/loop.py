"""The loop that makes this node run what it should: woken by every change, driven by nothing else."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict

import structlog

from agent.drivers.driver import Driver
from agent.placement import DesiredState, Placement
from agent.reconcile.apply import Replicas
from agent.reconcile.plan import Target, plan
from agent.reconcile.replica import Replica, Surroundings
from agent.state.journal import ReplicaJournal
from homeport.core.status import ReplicaReport, ReplicaStatus

log = structlog.get_logger()

# How long adoption may hold up the start when a runtime does not answer.
_ADOPTION_SECONDS = 5.0
_TEND_SECONDS = 10.0
# A timer may fire a hair early: then one short wait follows, not a busy loop.
_LEAST_WAIT_SECONDS = 0.001


class Reconciler:
    """`drained(replica)` ends when no request is in flight on it. `memory_available` is bytes of the host, now."""

    def __init__(
        self,
        drivers: Mapping[str, Driver],
        journal: ReplicaJournal,
        drained: Callable[[Replica], Awaitable[None]],
        memory_available: Callable[[], int],
        monotonic: Callable[[], float],
        wall: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self._drivers = drivers
        self._journal = journal
        self._memory_available = memory_available
        self._monotonic = monotonic
        self._desired = DesiredState()
        self._wanted: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._listeners: list[Callable[[Replica], None]] = []
        around = Surroundings(
            drivers=drivers,
            journal=journal,
            ports_in_use=lambda: self._replicas.ports(),
            changed=self._changed,
            drained=drained,
            monotonic=monotonic,
            wall=wall,
            jitter=jitter,
        )
        self._replicas = Replicas(lambda record: Replica(record, around))

    # -- what others see

    def listen(self, listener: Callable[[Replica], None]) -> None:
        """Called after each change of a replica's status. A stopped one is gone from `replicas` by then."""
        self._listeners.append(listener)

    def replicas(self) -> list[Replica]:
        return self._replicas.all()

    def reports(self) -> list[ReplicaReport]:
        return [replica.report() for replica in self._replicas.all()]

    def get(self, replica_id: str) -> Replica | None:
        return self._replicas.get(replica_id)

    def placements_with_replicas(self) -> frozenset[str]:
        return frozenset(replica.record.placement_id for replica in self._replicas.all())

    # -- what is wanted

    def want(self, desired: DesiredState, wanted: Mapping[str, int]) -> None:
        """`desired` stands on the disk already; `wanted` is how many replicas per id of its placements."""
        if desired is not self._desired or dict(wanted) != self._wanted:
            self._desired, self._wanted = desired, dict(wanted)
            self._wake.set()

    # -- startup, run, shutdown

    async def adopt(self) -> None:
        """Finds the replicas of the agent before this one. Returns when the drivers have answered, or soon after."""
        adopted = self._replicas.adopt(await self._journal.load())
        answers = [asyncio.create_task(replica.adopt().wait()) for replica in adopted]
        if answers:
            _, unanswered = await asyncio.wait(answers, timeout=_ADOPTION_SECONDS)
            for answer in unanswered:
                answer.cancel()
            running = sum(r.status in (ReplicaStatus.READY, ReplicaStatus.STARTING) for r in adopted)
            log.info("replicas adopted", running=running, ended=len(adopted) - running)

    async def run(self) -> None:
        """Until cancelled."""
        tending = asyncio.create_task(self._tend())
        try:
            while True:
                self._wake.clear()
                look_again_at = self._reconcile()
                timeout = None if look_again_at is None else max(_LEAST_WAIT_SECONDS, look_again_at - self._monotonic())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), timeout)
        finally:
            tending.cancel()

    async def close(self, stop_replicas: bool) -> None:
        """After `run` has ended: lets the replicas run on, or stops them all and forgets them."""
        replicas = self._replicas.all()
        if stop_replicas:
            for replica in replicas:
                replica.retire("the agent stops")
            await asyncio.gather(*(replica.gone() for replica in replicas))
        else:
            await asyncio.gather(*(replica.let_go() for replica in replicas))

    def _reconcile(self) -> float | None:
        placements = self._desired.placements
        targets = [
            Target(placements[key], count, self._has_room_for_one_more(placements[key]))
            for key, count in self._wanted.items()
            if key in placements
        ]
        observed = [replica.observed() for replica in self._replicas.all()]
        decided = plan(targets, self._desired.removed, observed, self._monotonic())
        for action in decided.actions:
            log.info(type(action).__name__.lower(), **asdict(action))
        self._replicas.apply(decided.actions, placements)
        return decided.look_again_at

    def _has_room_for_one_more(self, placement: Placement) -> bool:
        """A fixed port can be listened on once; memory must be there. Devices are counted by the plan itself."""
        if placement.workload.port and placement.workload.driver == "process":
            return False
        return placement.workload.needs.memory_bytes <= self._memory_available()

    def _changed(self, replica: Replica) -> None:
        if replica.status is ReplicaStatus.STOPPED:
            self._replicas.forget(replica)
        for listener in self._listeners:
            listener(replica)
        self._wake.set()

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(_TEND_SECONDS)
            for driver in self._drivers.values():
                await driver.tend()
