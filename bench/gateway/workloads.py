"""What is asked of each contender."""

import json
from dataclasses import dataclass, field
from typing import Any

from bench.dataplane.stage import Stage, post
from bench.gateway.contenders import Contender
from bench.memory import resident_mib

_SMALL = json.dumps({"model": "bench", "messages": [{"role": "user", "content": "x" * 955}]}).encode()
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Workload:
    """`more` is for the load generator. What it counts as a request is an event where there are `events`."""

    name: str
    path: str
    body: bytes
    connections: int
    seconds: float
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def counts_events(self) -> bool:
        return "events" in self.more


def workloads(seconds: float, connections: list[int], streams: list[int], rates: list[int]) -> list[Workload]:
    """Small JSON and 1 MiB up and down at each number of connections; each number of streams at each rate of events."""
    found = [Workload("small JSON", "/x", _SMALL, count, seconds) for count in connections]
    found += [Workload("1 MiB up", "/x", bytes(_MIB), count, seconds) for count in connections]
    found += [Workload("1 MiB down", "/bytes", b"%d" % _MIB, count, seconds) for count in connections]
    for count in streams:
        for rate in rates:
            events = max(10, round(rate * seconds))
            body = json.dumps({"per_second": rate, "events": events}).encode()
            found.append(Workload(f"SSE {rate}/s", "/paced", body, count, seconds, {"events": events}))
    return found


def measure(stage: Stage, contender: Contender, workload: Workload) -> dict[str, float]:
    """Figures of the load generator, and CPU microseconds per request, by kind of process, as `cpu_us_NAME`."""
    before = [part.cpu_seconds() for _, part in contender.parts]
    request = post(contender.prefix + workload.path, workload.body)
    job = {"ports": contender.ports, "connections": workload.connections, "seconds": workload.seconds}
    result = stage.ask(request, job | workload.more)
    for (name, part), seconds in zip(contender.parts, before, strict=True):
        key = f"cpu_us_{name}"
        result[key] = result.get(key, 0.0) + (part.cpu_seconds() - seconds) / result["requests"] * 1e6
    return result


def resident(stage: Stage) -> dict[str, float]:
    """MiB of our two processes."""
    return {"gateway": round(resident_mib(stage.gateway.pid), 1), "agent": round(resident_mib(stage.agent.pid), 1)}
