"""How many replicas run here, decided on this node from its own traffic, link or no link."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor, inf
from typing import Protocol

import structlog

from agent.placement import DesiredState, Placement
from agent.scaling.floors import Floor
from homeport.core.autoscale.decision import Decision
from homeport.core.autoscale.demand import Demand, Supply, Terms
from homeport.core.autoscale.scaler import Scaler
from homeport.core.autoscale.signals import Signals

log = structlog.get_logger()

_TICK_SECONDS = 1.0
_IDLE_TICK_SECONDS = 5.0
_SHORTEST_SECONDS = 0.05
# A timer may fire a hair early: then one short wait follows, not a busy loop.
_LEAST_SECONDS = 0.005
_NONE = Supply()


@dataclass(slots=True)
class _Scale:
    """Of one deployment, with its placements here, newest first."""

    scaler: Scaler
    placements: list[Placement] = field(default_factory=list)
    arrivals: int = 0
    decided_at: float = -inf
    due_at: float = 0.0


class History(Protocol):
    """Is told each decision, changed or not, and when a deployment has left."""

    def decided(self, deployment_id: str, before: int, decision: Decision) -> None: ...

    def forget(self, deployment_id: str) -> None: ...


class Autoscaler:
    """`demand(deployment_id)` is this node's traffic, `supplies()` its replicas by deployment; `apply(desired, wanted)`
    gets the count per placement id, whenever it may have changed. What is `halted` runs nothing, whatever the demand.
    `signals` are figures that ask for replicas beside the requests, `floor` says how many of a deployment's are kept
    without anybody asking, `start_seconds` how long a start takes, as learned.

    Where requests come, or run, or wait, it looks each second, and at once when one starts to wait; elsewhere when the
    policy says so, or a few seconds later.
    """

    def __init__(
        self,
        demand: Callable[[str], Demand],
        supplies: Callable[[], Mapping[str, Supply]],
        apply: Callable[[DesiredState, dict[str, int]], None],
        monotonic: Callable[[], float],
        halted: Callable[[Placement], bool] = lambda placement: False,
        history: History | None = None,
        floor: Callable[[Sequence[Placement], float | None], Floor] = lambda placements, start_seconds: Floor(),
        signals: Callable[[str, Demand, Supply], Signals] = lambda deployment_id, demand, supply: Signals(),
        start_seconds: Callable[[str], float | None] = lambda deployment_id: None,
    ) -> None:
        self._demand = demand
        self._supplies = supplies
        self._apply = apply
        self._monotonic = monotonic
        self._halted = halted
        self._history = history
        self._floor = floor
        self._signals = signals
        self._start_seconds = start_seconds
        self._desired = DesiredState()
        self._scales: dict[str, _Scale] = {}
        self._waiting: set[str] = set()
        self._poked = asyncio.Event()

    def set_desired(self, desired: DesiredState) -> None:
        self._desired = desired
        by_deployment: dict[str, list[Placement]] = {}
        for placement in desired.placements.values():
            by_deployment.setdefault(placement.deployment_id, []).append(placement)
        for deployment_id in self._scales.keys() - by_deployment.keys():
            if self._history is not None:
                self._history.forget(deployment_id)
        supplies, scales = self._supplies(), {}
        for deployment_id, placements in by_deployment.items():
            placements.sort(key=lambda p: (p.revision, p.placement_id), reverse=True)
            scale = self._scales.get(deployment_id)
            if scale is None:
                # After a restart of the agent: as many as it found, so that nothing stops because history is lost.
                scale = _Scale(Scaler(supplies.get(deployment_id, _NONE).replicas))
            scale.placements, scale.due_at = placements, 0.0
            scales[deployment_id] = scale
        self._scales = scales
        self.look()

    def poke(self, deployment_id: str) -> None:
        """A request waits: decide now, not at the next tick."""
        if deployment_id in self._scales:
            self._waiting.add(deployment_id)
            self._poked.set()

    async def run(self) -> None:
        """Until cancelled."""
        served_at = -inf
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._poked.wait(), self._seconds_to_next())
            if self._poked.is_set():
                # The first that waits is served at once; under a flood of them one decision serves many.
                await asyncio.sleep(served_at + _SHORTEST_SECONDS - self._monotonic())
                served_at = self._monotonic()
            self._poked.clear()
            self.look()

    def _seconds_to_next(self) -> float:
        """To the next second of the clock: rates are counted in whole ones."""
        now = self._monotonic()
        due = min((scale.due_at for scale in self._scales.values()), default=inf)
        return max(_LEAST_SECONDS, min(floor(now) + _TICK_SECONDS, due) - now)

    def look(self) -> None:
        """Decides where something may have changed, and tells what is wanted of all."""
        now = self._monotonic()
        waiting, self._waiting = self._waiting, set()
        supplies = self._supplies()
        wanted: dict[str, int] = {}
        for deployment_id, scale in self._scales.items():
            demand = self._demand(deployment_id)
            busy = demand.in_flight or demand.queued or demand.arrivals != scale.arrivals
            if now >= scale.due_at or deployment_id in waiting or (busy and floor(now) > floor(scale.decided_at)):
                self._decide(deployment_id, scale, demand, supplies.get(deployment_id), now)
            shares = divide(scale.scaler.replicas, scale.placements)
            wanted |= {p.placement_id: 0 if self._halted(p) else shares[p.placement_id] for p in scale.placements}
        self._apply(self._desired, wanted)

    def _decide(self, deployment_id: str, scale: _Scale, demand: Demand, seen: Supply | None, now: float) -> None:
        before, placements = scale.scaler.replicas, scale.placements
        newest = placements[0]
        supply = replace(seen or _NONE, start_seconds=self._start_seconds(deployment_id))
        signals = self._signals(deployment_id, demand, supply)
        low, high = sum(p.min_replicas for p in placements), sum(p.max_replicas for p in placements)
        floor = self._floor(placements, supply.start_seconds)
        kept = max(low, min(high, floor.replicas))
        terms = Terms(
            newest.policy.scaling,
            (kept, high),
            newest.policy.scaling.targets.concurrency or newest.workload.concurrency,
            signals.known,
        )
        decision = scale.scaler.decide(demand, supply, terms, now)
        if kept > low and decision.driver == "min_replicas":
            decision = replace(decision, driver=floor.driver, reason=f"{floor.driver} keeps {kept}")
        if signals.missing:
            without = ", ".join(f"{name} ({why})" for name, why in signals.missing.items())
            decision = replace(decision, reason=f"{decision.reason}; not looked at: {without}")
        if decision.replicas != before:
            log.info(
                "scale",
                deployment_id=deployment_id,
                before=before,
                after=decision.replicas,
                wanted=decision.wanted,
                driver=decision.driver,
                why=decision.reason,
            )
        if self._history is not None:
            self._history.decided(deployment_id, before, decision)
        scale.arrivals, scale.decided_at = demand.arrivals, now
        # Signals and schedules change without a request.
        scale.due_at = min(now + _IDLE_TICK_SECONDS, decision.look_again_at or inf)


def divide(replicas: int, newest_first: list[Placement]) -> dict[str, int]:
    """Replicas of a deployment over its placements here: each gets its minimum, the newest revision takes the rest."""
    shares = {placement.placement_id: placement.min_replicas for placement in newest_first}
    left = replicas - sum(shares.values())
    for placement in newest_first:
        more = max(0, min(left, placement.max_replicas - placement.min_replicas))
        shares[placement.placement_id] += more
        left -= more
    return shares
