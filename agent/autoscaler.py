"""How many replicas run here, decided on this node from its own traffic, link or no link."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from agent.floors import Floor
from agent.placement import DesiredState, Placement
from homeport.core.autoscale.decision import Decision
from homeport.core.autoscale.demand import Demand, Supply, Terms
from homeport.core.autoscale.scaler import Scaler
from homeport.core.autoscale.signals import Signals

log = structlog.get_logger()

# A waiting request wakes the loop at once and a delay at its end; this is for traffic that merely gets less.
_TICK_SECONDS = 5.0
_SHORTEST_SECONDS = 0.05


@dataclass(slots=True)
class _Scale:
    """Of one deployment."""

    scaler: Scaler
    decision: Decision | None = None


class History(Protocol):
    """Is told each decision, changed or not, and when a deployment has left."""

    def decided(self, deployment_id: str, before: int, decision: Decision) -> None: ...

    def forget(self, deployment_id: str) -> None: ...


class Autoscaler:
    """`demand(deployment_id)` is this node's traffic, `supply(deployment_id)` its replicas; `apply(desired, wanted)`
    gets the count per placement id, whenever it may have changed. What is `halted` runs nothing, whatever the demand.
    `signals` are figures that ask for replicas beside the requests, `floor` says how many of a deployment's are kept
    without anybody asking.
    """

    def __init__(
        self,
        demand: Callable[[str], Demand],
        supply: Callable[[str], Supply],
        apply: Callable[[DesiredState, dict[str, int]], None],
        monotonic: Callable[[], float],
        halted: Callable[[Placement], bool] = lambda placement: False,
        history: History | None = None,
        floor: Callable[[Sequence[Placement], float | None], Floor] = lambda placements, start_seconds: Floor(),
        signals: Callable[[str, Demand, Supply], Signals] = lambda deployment_id, demand, supply: Signals(),
    ) -> None:
        self._demand = demand
        self._supply = supply
        self._apply = apply
        self._monotonic = monotonic
        self._halted = halted
        self._history = history
        self._floor = floor
        self._signals = signals
        self._desired = DesiredState()
        self._scales: dict[str, _Scale] = {}
        self._poked = asyncio.Event()

    def set_desired(self, desired: DesiredState) -> None:
        self._desired = desired
        self._decide_all()

    def poke(self, deployment_id: str) -> None:
        """A request waits: decide now, not at the next tick."""
        if deployment_id in self._scales:
            self._poked.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._decide_all()
            # Under a flood of waiting requests one decision serves many of them.
            await asyncio.sleep(_SHORTEST_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._poked.wait(), self._seconds_to_next())
            self._poked.clear()

    def _seconds_to_next(self) -> float:
        decisions = (scale.decision for scale in self._scales.values())
        due = [d.look_again_at - self._monotonic() for d in decisions if d is not None and d.look_again_at is not None]
        return max(0.0, min([_TICK_SECONDS, *due]))

    def _decide_all(self) -> None:
        by_deployment: dict[str, list[Placement]] = {}
        for placement in self._desired.placements.values():
            by_deployment.setdefault(placement.deployment_id, []).append(placement)
        for deployment_id in self._scales.keys() - by_deployment.keys():
            if self._history is not None:
                self._history.forget(deployment_id)
        # After a restart of the agent: as many as it found, so that nothing stops because history is lost.
        self._scales = {
            key: self._scales.get(key) or _Scale(Scaler(self._supply(key).replicas)) for key in by_deployment
        }
        wanted: dict[str, int] = {}
        for deployment_id, placements in by_deployment.items():
            placements.sort(key=lambda p: (p.revision, p.placement_id), reverse=True)
            shares = divide(self._decide(deployment_id, placements), placements)
            wanted |= {p.placement_id: 0 if self._halted(p) else shares[p.placement_id] for p in placements}
        self._apply(self._desired, wanted)

    def _decide(self, deployment_id: str, placements: list[Placement]) -> int:
        scale = self._scales[deployment_id]
        before = scale.scaler.replicas
        newest = placements[0]
        demand, supply = self._demand(deployment_id), self._supply(deployment_id)
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
        decision = scale.scaler.decide(demand, supply, terms, self._monotonic())
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
        scale.decision = decision
        return decision.replicas


def divide(replicas: int, newest_first: list[Placement]) -> dict[str, int]:
    """Replicas of a deployment over its placements here: each gets its minimum, the newest revision takes the rest."""
    shares = {placement.placement_id: placement.min_replicas for placement in newest_first}
    left = replicas - sum(shares.values())
    for placement in newest_first:
        more = max(0, min(left, placement.max_replicas - placement.min_replicas))
        shares[placement.placement_id] += more
        left -= more
    return shares
