"""Keeps looking at the replicas of deployments that have targets, and remembers a little of what it saw."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from agent.placement import DesiredState
from agent.reconcile.replica import Replica
from homeport.core.autoscale.demand import Demand, Supply
from homeport.core.autoscale.signals import Reading, Signals, figures, signals
from homeport.core.targets import Targets

log = structlog.get_logger()

TICK_SECONDS = 5.0
# What a rate is measured over: short enough to follow, long enough not to flicker.
_WINDOW_SECONDS = 15.0
_TRAFFIC = ("requests_per_second", "tokens_per_second")


class Looks(Protocol):
    async def look(self, replica: Replica, targets: Targets) -> tuple[Reading, Mapping[str, str]]: ...


@dataclass(slots=True)
class _Watched:
    """A deployment with targets. `replicas` by id."""

    targets: Targets
    replicas: dict[str, deque[Reading]] = field(default_factory=dict)
    traffic: deque[Reading] = field(default_factory=deque)
    problems: dict[str, str] = field(default_factory=dict)


class Sampler:
    """`desired` is the state that this node acts on, `replicas` lists its replicas, `demand` is the traffic of a
    deployment. `ask_gpus` has the GPUs probed anew: called when somebody is scaled by them."""

    def __init__(
        self,
        observer: Looks,
        desired: Callable[[], DesiredState],
        replicas: Callable[[], Iterable[Replica]],
        demand: Callable[[str], Demand],
        ask_gpus: Callable[[], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._observer = observer
        self._desired = desired
        self._followed = DesiredState()
        self._replicas = replicas
        self._demand = demand
        self._ask_gpus = ask_gpus
        self._monotonic = monotonic
        self._watched: dict[str, _Watched] = {}

    def _follow(self) -> None:
        desired = self._desired()
        if desired is self._followed:
            return
        self._followed = desired
        newest = sorted(desired.placements.values(), key=lambda p: (p.revision, p.placement_id))
        targets = {p.deployment_id: p.policy.scaling.targets for p in newest}
        before = self._watched
        self._watched = {
            id: before[id] if id in before and before[id].targets == wanted else _Watched(wanted)
            for id, wanted in targets.items()
            if wanted.need_looks
        }

    def signals(self, deployment_id: str, demand: Demand, supply: Supply) -> Signals:
        """What is known now. Costs nothing for a deployment without targets."""
        watched = self._watched.get(deployment_id)
        if watched is None:
            return Signals()
        told = [figures(readings) for readings in watched.replicas.values()]
        known = signals(watched.targets, told, figures(watched.traffic), demand, supply)
        # A replica that has only just become ready has nothing to tell yet, and that is no problem.
        silent = {name: why for name, why in watched.problems.items() if not any(name in each for each in told)}
        return Signals(known, silent)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                # Nobody's figures are worth the agent: they are missing until the next look.
                log.exception("looking at replicas failed")
            await asyncio.sleep(TICK_SECONDS)

    async def look(self) -> None:
        """Once at all of them."""
        self._follow()
        if not self._watched:
            return
        if any(watched.targets.of_gpus for watched in self._watched.values()):
            self._ask_gpus()
        ready: dict[str, list[Replica]] = {}
        for replica in self._replicas():
            if replica.serves:
                ready.setdefault(replica.record.deployment_id, []).append(replica)
        await asyncio.gather(*(self._look_at(id, each, ready.get(id, [])) for id, each in list(self._watched.items())))

    async def _look_at(self, deployment_id: str, watched: _Watched, ready: list[Replica]) -> None:
        now = self._monotonic()
        demand = self._demand(deployment_id)
        counters = dict(zip(_TRAFFIC, (float(demand.arrivals), float(demand.tokens)), strict=True))
        _remember(watched.traffic, Reading(now, counters=counters))
        if not watched.targets.ask_replicas:
            return
        looks = await asyncio.gather(*(self._observer.look(replica, watched.targets) for replica in ready))
        problems: dict[str, str] = {}
        kept: dict[str, deque[Reading]] = {}
        for replica, (reading, why) in zip(ready, looks, strict=True):
            problems |= why
            kept[replica.replica_id] = watched.replicas.get(replica.replica_id, deque())
            _remember(kept[replica.replica_id], reading)
        watched.replicas = kept
        if problems != watched.problems:
            watched.problems = problems
            if problems:
                log.warning("targets that can't be looked at", deployment_id=deployment_id, **problems)


def _remember(readings: deque[Reading], reading: Reading) -> None:
    readings.append(reading)
    while len(readings) > 1 and readings[1].at <= reading.at - _WINDOW_SECONDS:
        readings.popleft()
