"""One trace under each policy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import Any

from bench.autoscale.hpa import Hpa
from bench.autoscale.kpa import Kpa, KpaSettings
from bench.autoscale.oracle import oracle_seconds, peak_replicas
from homeport.core.autoscale.decision import Decision
from homeport.core.autoscale.demand import Demand, Supply, Terms
from homeport.core.autoscale.scaler import Scaler
from homeport.core.policy import Scaling
from homeport.core.replay.arrival import Arrival
from homeport.core.replay.node import Decide
from homeport.core.replay.replay import Outcome, replay

# What is tried for "tuned": utilisation, stable window and scale-down delay, known only in hindsight.
_TUNED = tuple(
    KpaSettings(utilisation, window, window / 10, delay)
    for utilisation, window, delay in product(
        (0.5, 0.6, 0.7, 0.8, 0.9), (60.0, 120.0, 300.0), (0.0, 60.0, 300.0, 600.0)
    )
)
# On a long trace that would take an hour.
_TUNED_ON_LONG_TRACES = tuple(KpaSettings(u, 60.0, 6.0, delay) for u, delay in product((0.7, 0.9), (0.0, 300.0, 600.0)))
_LONG_TRACE_REQUESTS = 100_000
_NO_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Setting:
    trace: Sequence[Arrival]
    start_seconds: float
    slots: int
    violations_percent: float
    nodes: int


def homeport(slots: int, max_replicas: int = _NO_LIMIT) -> Decide:
    """The agent's policy object with the shipped defaults, and zero as its least."""
    scaler = Scaler()
    terms = Terms(Scaling(min_replicas=0, max_replicas=max_replicas), (0, max_replicas), slots)

    def decide(demand: Demand, supply: Supply, now: float) -> Decision:
        return scaler.decide(demand, supply, terms, now)

    return decide


def run_all(setting: Setting, say: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """By name of policy: violations, replica-hours, and what else there is to know."""
    trace, start, slots = setting.trace, setting.start_seconds, setting.slots
    oracle = oracle_seconds(trace, start, slots)
    results: dict[str, dict[str, Any]] = {
        "oracle": {"violations_percent": 0.0, "replica_hours": round(oracle / 3600, 3), "times_oracle": 1.0}
    }

    def put(name: str, outcome: Outcome, **more: Any) -> None:
        results[name] = _figures(outcome, oracle) | more
        say(name)

    put("homeport", replay(trace, [homeport(slots)], start, slots))
    if setting.nodes > 1:
        most = most_per_node(trace, slots, setting.nodes)
        policies = [homeport(slots, most) for _ in range(setting.nodes)]
        outcome = replay(trace, policies, start, slots, most)
        put(f"homeport_{setting.nodes}_nodes", outcome, max_replicas_per_node=most)
        one = results["homeport"]["replica_hours"]
        results[f"homeport_{setting.nodes}_nodes"]["times_one_node"] = round(outcome.replica_seconds / 3600 / one, 3)
    put("kpa", replay(trace, [Kpa(KpaSettings(), slots)], start, slots))
    tuned = _tuned_kpa(setting)
    if tuned is not None:
        settings, outcome = tuned
        put("kpa_tuned", outcome, settings=settings.as_dict())
    put("hpa", replay(trace, [Hpa(slots)], start, slots))
    return results


def most_per_node(trace: Sequence[Arrival], slots: int, nodes: int) -> int:
    """Budgets that hold three times the peak in all: with four nodes none alone can take it."""
    return ceil(3 * peak_replicas(trace, slots) / nodes)


def _tuned_kpa(setting: Setting) -> tuple[KpaSettings, Outcome] | None:
    """The cheapest one inside the violations that are allowed; else None."""
    best: tuple[KpaSettings, Outcome] | None = None
    long = len(setting.trace) > _LONG_TRACE_REQUESTS
    for settings in _TUNED_ON_LONG_TRACES if long else _TUNED:
        outcome = replay(setting.trace, [Kpa(settings, setting.slots)], setting.start_seconds, setting.slots)
        allowed = outcome.violations_percent <= setting.violations_percent
        if allowed and (best is None or outcome.replica_seconds < best[1].replica_seconds):
            best = settings, outcome
    return best


def _figures(outcome: Outcome, oracle: float) -> dict[str, Any]:
    waits = sorted(outcome.waits)
    return {
        "violations_percent": round(outcome.violations_percent, 3),
        "replica_hours": round(outcome.replica_seconds / 3600, 3),
        "times_oracle": round(outcome.replica_seconds / oracle, 3),
        "starts": outcome.starts,
        "wait_p99_seconds": round(waits[len(waits) * 99 // 100], 2),
        "wait_max_seconds": round(waits[-1], 2),
    }
