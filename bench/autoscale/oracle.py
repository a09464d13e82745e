"""What it takes when the whole trace is known beforehand and nobody ever waits."""

from collections.abc import Sequence

from homeport.core.replay.arrival import Arrival


def oracle_seconds(trace: Sequence[Arrival], start_seconds: float, slots: int) -> float:
    """Replica-seconds. Each level of the stack of replicas runs on through a gap that is not longer than a start, else
    it is stopped and pays for a start."""
    events = sorted([(at, 1) for at, _ in trace] + [(at + seconds, -1) for at, seconds in trace])
    in_flight = level = 0
    total = 0.0
    up_since: dict[int, float] = {}
    down_since: dict[int, float] = {}
    for now, change in events:
        in_flight += change
        needed = -(-in_flight // slots)
        while needed > level:
            level += 1
            total += min(now - down_since[level], start_seconds) if level in down_since else start_seconds
            up_since[level] = now
        while needed < level:
            total += now - up_since[level]
            down_since[level] = now
            level -= 1
    return total


def peak_replicas(trace: Sequence[Arrival], slots: int) -> int:
    """At the busiest moment, when nobody waits."""
    events = sorted([(at, 1) for at, _ in trace] + [(at + seconds, -1) for at, seconds in trace])
    in_flight = most = 0
    for _, change in events:
        in_flight += change
        most = max(most, in_flight)
    return -(-most // slots)
