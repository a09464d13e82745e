"""What a deployment's scaling would have made of traffic that was: the very policy that agents run, on one node."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from homeport.core.autoscale.decision import Decision
from homeport.core.autoscale.demand import Demand, Supply, Terms
from homeport.core.autoscale.scaler import Scaler
from homeport.core.policy import Scaling
from homeport.core.replay.arrival import Arrival
from homeport.core.replay.replay import Outcome, replay


@dataclass(frozen=True, slots=True)
class Step:
    """From `at` on (seconds of the trace) so many replicas run or start, as `driver` decided."""

    at: float
    replicas: int
    driver: str


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the trace, in seconds: its requests, and its replicas, the most and the mean over time."""

    begins: float
    ends: float
    requests: int
    most_replicas: int
    mean_replicas: float


@dataclass(frozen=True, slots=True)
class Projection:
    outcome: Outcome
    steps: tuple[Step, ...]

    @property
    def starts_from_zero(self) -> int:
        counts = [0, *(step.replicas for step in self.steps)]
        return sum(before == 0 < after for before, after in pairwise(counts))

    @property
    def most_replicas(self) -> int:
        return max((step.replicas for step in self.steps), default=0)

    def wait_seconds(self, percent: float) -> float:
        """So many of a hundred requests waited no longer than this."""
        waits = sorted(self.outcome.waits)
        return waits[min(len(waits) - 1, int(len(waits) * percent / 100))] if waits else 0.0


def project(arrivals: Sequence[Arrival], scaling: Scaling, slots: int, start_seconds: float) -> Projection:
    """`slots`: how many requests a replica takes at once. Its max_replicas must not be 0."""
    scaler = Scaler()
    terms = Terms(scaling, (scaling.min_replicas, scaling.max_replicas), scaling.targets.concurrency or slots)
    steps: list[Step] = []

    def decide(demand: Demand, supply: Supply, now: float) -> Decision:
        return scaler.decide(demand, supply, terms, now)

    def told(at: float, rank: int, decision: Decision) -> None:
        if not steps or steps[-1].replicas != decision.replicas:
            steps.append(Step(at, decision.replicas, decision.driver))

    outcome = replay(arrivals, [decide], start_seconds, slots, scaling.max_replicas, told)
    return Projection(outcome, tuple(steps))


def spans(projection: Projection, arrivals: Sequence[Arrival], seconds: float) -> list[Span]:
    """The trace in parts of so many seconds."""
    requests = Counter(int(arrival.at // seconds) for arrival in arrivals)
    last = max(requests)
    ends = [*(step.at for step in projection.steps[1:]), (last + 1) * seconds]
    held = [(step.at, max(step.at, end), step.replicas) for step, end in zip(projection.steps, ends, strict=False)]
    found = []
    for number in range(last + 1):
        begin, end = number * seconds, (number + 1) * seconds
        parts = [(min(end, until) - max(begin, since), count) for since, until, count in held]
        parts = [(length, count) for length, count in parts if length > 0]
        mean = sum(length * count for length, count in parts) / seconds
        found.append(Span(begin, end, requests[number], max((count for _, count in parts), default=0), mean))
    return found
