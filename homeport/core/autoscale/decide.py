"""The first form of the policy: enough replicas for the requests in flight and waiting, held for the delays."""

from dataclasses import dataclass, replace
from math import ceil

from homeport.core.policy import Scaling


@dataclass(frozen=True, slots=True)
class Demand:
    """One deployment on one node, now. `last_request_at`: seconds on the caller's monotonic clock."""

    in_flight: int = 0
    queued: int = 0
    last_request_at: float | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What the policy must remember between two calls. Times are on the caller's monotonic clock."""

    # Since when more replicas than running are wanted; None = they are not.
    above_since: float | None = None
    below_since: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    replicas: int
    reason: str
    memory: Memory
    # When to ask again although nothing has happened; None = no need.
    look_again_at: float | None = None


def decide(
    scaling: Scaling,
    budget: tuple[int, int],
    concurrency: int,
    running: int,
    demand: Demand,
    memory: Memory,
    now: float,
) -> Decision:
    """The wanted count of replicas, always inside `budget` (min, max), whatever else is asked for."""
    low, high = budget
    load = demand.in_flight + demand.queued
    wanted = max(low, min(high, ceil(load / max(concurrency, 1))))
    if running < low:
        return Decision(low, f"budget minimum is {low}", Memory())
    if running > high:
        return Decision(high, f"budget maximum is {high}", Memory())
    if wanted > running:
        # Nothing runs and somebody waits: a delay would only add to the cold start.
        delay = 0.0 if running == 0 else scaling.scale_up_delay_seconds
        since = memory.above_since if memory.above_since is not None else now
        if now - since >= delay:
            return Decision(wanted, f"{load} requests for {running} replicas of {concurrency}", Memory())
        return Decision(running, "scale-up delay", Memory(above_since=since), since + delay)
    if wanted < running:
        return _shrink(scaling, running, wanted, demand, memory, now)
    return Decision(running, "load fits", Memory())


def _shrink(scaling: Scaling, running: int, wanted: int, demand: Demand, memory: Memory, now: float) -> Decision:
    since = memory.below_since if memory.below_since is not None else now
    due = since + scaling.scale_down_delay_seconds
    floor = max(wanted, 1)
    if floor < running:
        if now >= due:
            return Decision(floor, "scale-down delay is over", replace(Memory(), below_since=since))
        return Decision(running, "scale-down delay", Memory(below_since=since), due)
    last = demand.last_request_at if demand.last_request_at is not None else since
    idle_until = max(last, since) + scaling.scale_to_zero_delay_seconds
    if now >= idle_until:
        return Decision(0, f"idle for {scaling.scale_to_zero_delay_seconds:g} s", Memory())
    return Decision(running, "scale-to-zero delay", Memory(below_since=since), idle_until)
