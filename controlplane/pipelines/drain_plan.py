"""What draining a node would move where, by the very decisions that then do it."""

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any

from controlplane.fleet.fleet_view import FleetView
from controlplane.fleet.revisions import current_revision
from controlplane.fleet.surroundings import Surroundings
from controlplane.fleet.tracks import as_track
from controlplane.pipelines.placement_decision import Decision, decide
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind, Record, Store
from homeport.core.rollout.track import deployment_of
from homeport.core.status import ReplicaReport, ReplicaStatus

_WHY_NOT = 5


@dataclass(frozen=True, slots=True)
class Move:
    """Of one deployment, or one of its tracks. `to`: node id to replicas that are not ready there yet; `stays` find no
    place, for `why`."""

    deployment: Record
    replicas: int
    to: dict[str, int] = field(default_factory=dict)
    stays: int = 0
    why: list[dict[str, Any]] = field(default_factory=list)


async def plan_drain(store: Store, registry: NodeRegistry, node: Record, now: float) -> list[Move]:
    """Of a node that is not drained yet, too. `now` is unix seconds."""
    wish = {"since": now, "deadline_at": now + 1, "force": False, "reason": ""}
    draining = replace(node, spec={**node.spec, "drain": wish})
    view = FleetView(store, registry, lambda: now, assumed=[draining])
    await view.refresh()
    moves = []
    for track, held in view.placements.items():
        whole = store.get(Kind.DEPLOYMENT, deployment_of(track))
        if whole is None or all(record.spec["node_id"] != node.id for record in held):
            continue
        deployment = as_track(whole, track)
        revision = current_revision(store, deployment)
        if revision is not None:
            moves.append(replace(_move(node.id, deployment, revision, held, view), deployment=whole))
    return moves


def _move(node_id: str, deployment: Record, revision: Record, held: list[Record], view: FleetView) -> Move:
    """A second decision, as if those that take over were ready, tells what stays."""
    numbers = count()
    around = view.surroundings(deployment.id)

    def decided(around: Surroundings) -> Decision:
        terms = view.spec(deployment).on_disconnect.terms()
        want = partial(view.wanted, deployment, revision)
        return decide(deployment, held, terms, want, around, lambda: f"new-{next(numbers)}")

    decision = decided(around)
    ready_on: dict[str, int] = {}
    for id, report in around.replicas:
        if report.status is ReplicaStatus.READY:
            ready_on[id] = ready_on.get(id, 0) + 1
    serving = sum(
        id == node_id and report.status in (ReplicaStatus.READY, ReplicaStatus.UNKNOWN)
        for id, report in around.replicas
    )
    kept = _left(decision)
    to = {
        spec["node_id"]: max(0, spec["min_replicas"] - ready_on.get(spec["node_id"], 0))
        for spec in decision.put.values()
        if spec["node_id"] not in kept and not spec.get("replaced")
    }
    taken_over = [
        (id, ReplicaReport(f"new-{id}-{number}", "", deployment.id, 0, ReplicaStatus.READY))
        for id, missing in to.items()
        for number in range(missing)
    ]
    last = decided(replace(around, replicas=[*around.replicas, *taken_over]))
    stays = _left(last).get(node_id, 0)
    why = [each for each in last.status["placement"]["rejections"] if each["node_id"] != node_id][:_WHY_NOT]
    return Move(
        deployment, serving, {id: missing for id, missing in to.items() if missing}, stays, why if stays else []
    )


def _left(decision: Decision) -> dict[str, int]:
    """Node id to what it is to keep running until others have taken over."""
    return {each["node_id"]: each["replicas"] for each in decision.status["placement"]["leaving"]}
