"""The loop that makes this node run what it should: woken by every change, driven by nothing else."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict, replace

import structlog

from agent.drivers.driver import Driver
from agent.placement import DesiredState, Placement
from agent.reconcile.adoption import adopted
from agent.reconcile.apply import Replicas
from agent.reconcile.listing import list_found
from agent.reconcile.plan import Target, plan
from agent.reconcile.ports import fixed_ports
from agent.reconcile.replica import Replica
from agent.reconcile.surroundings import Surroundings
from agent.reconcile.upkeep import Upkeep
from agent.replica_logs.failures import Failures
from agent.secrets.replica_secrets import ReplicaSecrets
from agent.state.journal import ReplicaJournal, ReplicaRecord
from homeport.core.history.cold_start import ColdStart, StartParts
from homeport.core.refusal import Refusal
from homeport.core.status import ReplicaReport, ReplicaStatus
from homeport.core.workload import Workload

log = structlog.get_logger()

# How long adoption may hold up the start when a runtime does not answer.
_ADOPTION_SECONDS = 5.0
# A timer may fire a hair early: then one short wait follows, not a busy loop.
_LEAST_WAIT_SECONDS = 0.001


class Reconciler:
    """`drained(replica)` ends when no request is in flight on it. `memory_available` is bytes of the host, now.
    `admit` says why a replica that is about to start can't.
    `waited(deployment_id)` is what a start has behind it that is ordered now; `started` is told each start.
    """

    def __init__(
        self,
        drivers: Mapping[str, Driver],
        journal: ReplicaJournal,
        failures: Failures,
        drained: Callable[[Replica], Awaitable[None]],
        open_secrets: Callable[[Workload, Placement | None], Awaitable[ReplicaSecrets]],
        memory_available: Callable[[], int],
        monotonic: Callable[[], float],
        wall: Callable[[], float],
        jitter: Callable[[], float],
        admit: Callable[[ReplicaRecord], Awaitable[Refusal | None]],
        unusable_gpus: Callable[[], frozenset[str]] = frozenset,
        in_flight: Callable[[Replica], int] = lambda replica: 0,
        waited: Callable[[str], StartParts] = lambda deployment_id: StartParts(),
        started: Callable[[Replica, ColdStart], None] = lambda replica, start: None,
    ) -> None:
        self._drivers = drivers
        self._journal = journal
        self._open_secrets = open_secrets
        self._memory_available = memory_available
        self._monotonic = monotonic
        self._unusable_gpus = unusable_gpus
        self._in_flight = in_flight
        self._refused: tuple[Refusal, ...] = ()
        self._desired = DesiredState()
        self._wanted: dict[str, int] = {}
        self._first: frozenset[str] = frozenset()
        self._wake = asyncio.Event()
        self._listeners: list[Callable[[Replica], None]] = []
        self._replicas = Replicas(
            Surroundings(
                drivers=drivers,
                journal=journal,
                failures=failures,
                ports_in_use=lambda: self._replicas.ports(),
                changed=self._changed,
                drained=drained,
                secrets=self._secrets_of,
                monotonic=monotonic,
                wall=wall,
                jitter=jitter,
                admit=admit,
                waited=waited,
                started=started,
            )
        )
        self._upkeep = Upkeep(drivers, self._replicas, failures, lambda: self._desired, monotonic, wall)

    # -- what others see

    def listen(self, listener: Callable[[Replica], None]) -> None:
        """Called after each change of a replica's status. A stopped one is gone from `replicas` by then."""
        self._listeners.append(listener)

    def replicas(self) -> list[Replica]:
        return self._replicas.all()

    def reports(self) -> list[ReplicaReport]:
        return [replica.report() for replica in self._replicas.all()]

    def refused(self) -> tuple[Refusal, ...]:
        """What is not started now, since others have what it was given, or what it needs."""
        return self._refused

    def get(self, replica_id: str) -> Replica | None:
        return self._replicas.get(replica_id)

    def placements_with_replicas(self) -> frozenset[str]:
        return frozenset(replica.record.placement_id for replica in self._replicas.all())

    # -- what is wanted

    def want(self, desired: DesiredState, wanted: Mapping[str, int], first: frozenset[str] = frozenset()) -> None:
        """`desired` stands on the disk already; `wanted` is how many replicas per id of its placements, `first` are
        those that go first where some have to."""
        if desired is not self._desired or dict(wanted) != self._wanted or first != self._first:
            self._desired, self._wanted, self._first = desired, dict(wanted), first
            self._wake.set()

    # -- startup, run, shutdown

    async def adopt(self, desired: DesiredState) -> None:
        """Finds the replicas of the agent before this one. Returns when the drivers have answered, or soon after.

        `desired` is what the disk holds: it tells what those are whose notes are lost.
        """
        noted = await self._journal.load()
        listings = await asyncio.gather(*(list_found(driver, _ADOPTION_SECONDS) for driver in self._drivers.values()))
        found = [each for listing in listings for each in listing or ()]
        records = adopted(noted, found, desired.placements)
        if not records:
            return
        answers = [asyncio.ensure_future(answer) for answer in self._replicas.adopt(records)]
        _, unanswered = await asyncio.wait(answers, timeout=_ADOPTION_SECONDS)
        for answer in unanswered:
            answer.cancel()
        statuses = [replica.status for replica in self._replicas.all()]
        running = sum(status in (ReplicaStatus.READY, ReplicaStatus.STARTING) for status in statuses)
        log.info(
            "replicas adopted", running=running, ended=len(statuses) - running, without_note=len(records) - len(noted)
        )

    async def run(self) -> None:
        """Until cancelled."""
        upkeep = asyncio.create_task(self._upkeep.run())
        try:
            while True:
                self._wake.clear()
                look_again_at = self._reconcile()
                timeout = None if look_again_at is None else max(_LEAST_WAIT_SECONDS, look_again_at - self._monotonic())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), timeout)
        finally:
            upkeep.cancel()

    async def close(self, stop_replicas: bool) -> None:
        """After `run` has ended: lets the replicas run on, or stops them all and forgets them."""
        if stop_replicas:
            await self._replicas.stop("the agent stops")
        await self._replicas.let_go()

    def _reconcile(self) -> float | None:
        placements = self._desired.placements
        self._replicas.remember(placements)
        self._replicas.renumber(placements)
        targets = [
            Target(placements[key], count, self._has_room_for_one_more(placements[key]), self._first)
            for key, count in self._wanted.items()
            if key in placements
        ]
        observed = [replace(replica.observed(), in_flight=self._in_flight(replica)) for replica in self._replicas.all()]
        decided = plan(targets, self._desired.removed, observed, self._monotonic(), self._unusable_gpus())
        self._note_refusals((*decided.refused, *self._not_admitted()))
        for action in decided.actions:
            log.info(type(action).__name__.lower(), **asdict(action))
        self._replicas.apply(decided.actions, placements)
        return decided.look_again_at

    def _not_admitted(self) -> Iterator[Refusal]:
        """One of each deployment of which nothing runs: what runs is worth more than what might elsewhere."""
        replicas = self._replicas.all()
        others = {replica.record.deployment_id for replica in replicas if replica.refusal is None}
        refused = {replica.record.deployment_id: replica.refusal for replica in replicas if replica.refusal}
        yield from (refusal for id, refusal in refused.items() if id not in others)

    def _note_refusals(self, refused: tuple[Refusal, ...]) -> None:
        for refusal in refused:
            if refusal not in self._refused:
                log.warning("not started", **asdict(refusal))
        self._refused = refused

    def _has_room_for_one_more(self, placement: Placement) -> bool:
        """A fixed port can be listened on once; memory must be there. Devices are counted by the plan itself."""
        if fixed_ports(placement.workload).known:
            return False
        return placement.workload.needs.memory_bytes <= self._memory_available()

    async def _secrets_of(self, replica: Replica) -> ReplicaSecrets:
        """Always those that came last for its placement."""
        placement = self._desired.placements.get(replica.record.placement_id)
        return await self._open_secrets(replica.record.workload, placement)

    def _changed(self, replica: Replica) -> None:
        if replica.status is ReplicaStatus.STOPPED:
            self._replicas.forget(replica)
        for listener in self._listeners:
            listener(replica)
        self._wake.set()
