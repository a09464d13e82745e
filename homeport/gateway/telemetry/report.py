"""What a gateway tells of itself and its requests, for metrics. Made anew each time; plain data."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from homeport.core.histogram import LAG_BOUNDS, Histogram
from homeport.core.rollout.track import deployment_of
from homeport.gateway.telemetry.counters import DeploymentCounters

if TYPE_CHECKING:
    from homeport.gateway.gateway import Gateway

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class AtNodes:
    """Of one deployment, as the nodes that are attached have said last: through whichever gateway it came."""

    in_flight: int = 0
    queued: int = 0
    # Requests that its ready replicas take at once.
    capacity: int = 0


@dataclass(slots=True)
class ProcessFacts:
    """Seconds and bytes; `unrouted` as in Counters, `loop_lag`: how late timers are."""

    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    tunnels: int = 0
    connections: int = 0
    parked: int = 0
    unrouted: list[int] = field(default_factory=lambda: [0] * 6)
    loop_lag: Histogram = field(default_factory=lambda: Histogram(LAG_BOUNDS))
    access_log_dropped: int = 0


@dataclass(slots=True)
class GatewayReport:
    """`deployments` by id. Counts are since the gateway's process began."""

    gateway: str = ""
    process: ProcessFacts = field(default_factory=ProcessFacts)
    deployments: dict[str, DeploymentCounters] = field(default_factory=dict)
    at_nodes: dict[str, AtNodes] = field(default_factory=dict)


def report_of(gateway: "Gateway", worker_id: str) -> GatewayReport:
    """Its numbers are the gateway's own objects, which go on counting."""
    gateway.counters.keep_only(policy.deployment_id for policy in gateway.policies)
    return GatewayReport(worker_id, process_facts(gateway), gateway.counters.all(), at_nodes(gateway))


def process_facts(gateway: "Gateway") -> ProcessFacts:
    return ProcessFacts(
        cpu_seconds=time.process_time(),
        memory_bytes=_resident_bytes(),
        tunnels=gateway.tunnel_count,
        connections=gateway.connection_count,
        parked=len(gateway.parking),
        unrouted=gateway.counters.unrouted,
        loop_lag=gateway.loop_lag,
        access_log_dropped=gateway.access_log.dropped if gateway.access_log is not None else 0,
    )


def at_nodes(gateway: "Gateway") -> dict[str, AtNodes]:
    found: dict[str, AtNodes] = {}
    for load in gateway.presences.loads():
        sums = found.setdefault(deployment_of(load.deployment_id), AtNodes())
        sums.in_flight += load.in_flight
        sums.queued += load.queued
        sums.capacity += load.capacity
    return found


def changed_since(told: dict[str, tuple[float, ...]], gateway: "Gateway") -> Iterator[tuple[str, DeploymentCounters]]:
    """Deployments of which something else is true than was `told`, which is brought up to date."""
    counted = gateway.counters.all()
    for gone in told.keys() - counted.keys():
        del told[gone]
    for deployment_id, counters in counted.items():
        state = _state(counters)
        if told.get(deployment_id) != state:
            told[deployment_id] = state
            yield deployment_id, counters


def _state(counters: DeploymentCounters) -> tuple[float, ...]:
    """Another one after each event that is counted."""
    ended = sum(counters.answered)
    tries = counters.resends + counters.retries + counters.ejections
    return counters.in_flight, ended, counters.first_byte.total, tries, counters.parked, counters.parked_seconds


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0
