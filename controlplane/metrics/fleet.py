"""Nodes, GPUs, deployments and replicas, counted."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from controlplane.auth.places import REPLICA
from controlplane.store.store import Kind
from controlplane.views.views import Views
from homeport.core.rollout.track import deployment_of

# Objects that are looked at before others get the event loop.
_PER_TURN = 500


@dataclass(slots=True)
class Placed:
    """Of one deployment."""

    placements: int = 0
    min_replicas: int = 0
    max_replicas: int = 0


@dataclass(slots=True)
class FleetCounts:
    """`replicas` by (deployment, status); `gpus` by health: ok, problem, quarantined."""

    nodes: Counter[str] = field(default_factory=Counter)
    sessions: int = 0
    agents: Counter[str] = field(default_factory=Counter)
    gpus: Counter[str] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    placed: dict[str, Placed] = field(default_factory=dict)
    replicas: Counter[tuple[str, str]] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    deployment_ids: frozenset[str] = frozenset()


async def count(views: Views) -> FleetCounts:
    """As the API shows them after `views.refresh()`."""
    counts = FleetCounts(deployment_ids=frozenset(views.of(Kind.DEPLOYMENT).ids()))
    for number, _ in enumerate(_each(views, counts), 1):
        if number % _PER_TURN == 0:
            await asyncio.sleep(0)
    return counts


def _each(views: Views, counts: FleetCounts) -> Iterator[None]:
    for item in views.of(Kind.NODE).items():
        status = item.object["status"]
        counts.nodes[status["status"]] += 1
        counts.sessions += status["connected"]
        if status["connected"]:
            counts.agents[status["agent_version"]] += 1
        for gpu in status["inventory"]["gpus"]:
            counts.gpus["problem" if gpu["problem"] else "quarantined" if gpu["quarantine"] else "ok"] += 1
        yield
    for item in views.of(Kind.DEPLOYMENT).items():
        counts.phases[item.object["status"]["phase"]] += 1
        counts.placed[item.id] = Placed()
        yield
    for item in views.of(Kind.PLACEMENT).items():
        spec = item.object["spec"]
        placed = counts.placed.setdefault(deployment_of(spec["deployment_id"]), Placed())
        placed.placements += 1
        placed.min_replicas += spec["min_replicas"]
        placed.max_replicas += spec["max_replicas"]
        yield
    for item in views.of(REPLICA).items():
        counts.replicas[deployment_of(item.object["deployment_id"]), item.object["status"]] += 1
        yield
