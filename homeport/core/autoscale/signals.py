"""From what replicas and their queue are seen to do, to the figures that ask for replicas. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from homeport.core.autoscale.demand import Demand, Signal, Supply
from homeport.core.targets import Targets

# As many replicas as there are stay while a figure is off its target by less than this part.
_TOLERANCE = 0.1
# Who waits longest says that there are too few replicas, not how many too few: no more than so many times more.
_MOST_AT_ONCE = 2.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at one replica, at monotonic seconds. `values` are figures of the moment by name, `counters` those that
    only grow; what could not be told is in neither."""

    at: float
    values: Mapping[str, float] = field(default_factory=dict)
    counters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signals:
    """`missing`: targets that nothing is known for now, and why. They count for nothing."""

    known: Mapping[str, Signal] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


def figures(readings: Sequence[Reading]) -> dict[str, float]:
    """Of one replica, oldest reading first: the newest values, and how fast its counters grew over all of them. A
    counter that fell belongs to another life."""
    if not readings:
        return {}
    first, last = readings[0], readings[-1]
    known = dict(last.values)
    seconds = last.at - first.at
    for name, count in last.counters.items():
        before = first.counters.get(name)
        if seconds > 0 and before is not None and count >= before:
            known[name] = (count - before) / seconds
    return known


def signals(
    targets: Targets,
    replicas: Sequence[Mapping[str, float]],
    traffic: Mapping[str, float],
    demand: Demand,
    supply: Supply,
) -> dict[str, Signal]:
    """By the target's name. `replicas` are the figures of those that are ready; `traffic` has requests_per_second and
    tokens_per_second of the deployment on this node. What nobody can tell is left out."""
    known: dict[str, Signal] = {}
    for name, target, is_busyness in _of_replicas(targets):
        told = [each[name] for each in replicas if name in each]
        total = sum(told) / len(told) * len(replicas) if told else 0.0
        # How busy the last replica is says nothing about whether it may go: requests do.
        if total > target or (told and not is_busyness):
            known[name] = Signal(_settled(total, target, len(replicas)), target)
    for name, wanted in _of_traffic(targets):
        if wanted is not None and name in traffic:
            known[name] = Signal(_settled(traffic[name], wanted, supply.ready), wanted)
    longest = targets.queue_seconds
    if longest is not None and supply.ready and not supply.starting:
        waited = min(demand.oldest_wait_seconds, _MOST_AT_ONCE * longest)
        known["queue_seconds"] = Signal(_settled(waited * supply.ready, longest, supply.ready), longest)
    return known


def _of_traffic(targets: Targets) -> Iterable[tuple[str, float | None]]:
    yield "requests_per_second", targets.requests_per_second
    yield "tokens_per_second", targets.tokens_per_second


def _of_replicas(targets: Targets) -> Iterable[tuple[str, float, bool]]:
    """(name, target, whether it says how busy a replica is, more or less)."""
    yield from ((name, target, True) for name, target in targets.of_use.items())
    yield from ((metric.name, metric.target, False) for metric in targets.metrics)


def _settled(total: float, target: float, replicas: int) -> float:
    """What is near enough to the target is at it."""
    at_target = target * replicas
    return at_target if replicas and abs(total - at_target) <= _TOLERANCE * at_target else total
