"""What one round decides about a deployment with revisions side by side: a step of the shift of its traffic, then of
each track what is decided of a deployment that has but one."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from controlplane.fleet.fleet_view import FleetView
from controlplane.fleet.revisions import current_revision
from controlplane.fleet.surroundings import Surroundings
from controlplane.fleet.tracks import as_track, tracks_in
from controlplane.fleet.traffic_shift import next_step
from controlplane.pipelines.placement_decision import Decision, decide
from controlplane.store.store import Record, Store
from homeport.core.node_lifecycle.absence import AbsenceTerms
from homeport.core.placement.history import MOST_EVENTS
from homeport.core.rollout.shift import Bounds, Running
from homeport.core.status import ReplicaStatus


def decide_divided(
    store: Store, view: FleetView, deployment: Record, terms: AbsenceTerms, new_id: Callable[[], str]
) -> Decision:
    """Placements of tracks that have ended are removed; the agents' replicas finish what they have."""
    current = view.placements_of(deployment.id)
    stepped = one_step_on(view, deployment)
    view.expect(deployment.id, tracks_in(stepped))
    decisions: dict[str, Decision] = {}
    for id in tracks_in(stepped):
        track = as_track(stepped, id)
        revision = current_revision(store, track)
        if revision is not None:
            want = partial(view.wanted, track, revision)
            placed = view.placements.get(id, ())
            decisions[id] = decide(track, placed, terms, want, view.surroundings(id), new_id)
    put = {id: spec for decision in decisions.values() for id, spec in decision.put.items()}
    remove = tuple(record.id for record in current if record.id not in put)
    return Decision(deployment, put, remove, _status(deployment, stepped, decisions), settled=False)


def one_step_on(view: FleetView, deployment: Record) -> Record:
    """With the tracks that it is to have now. It need not be in the store."""
    scaling = view.spec(deployment).scaling()

    def look(id: str, revision: int) -> Running:
        return _running(revision, view.surroundings(id), view.placements.get(id, ()))

    bounds = Bounds(scaling.min_replicas, scaling.max_replicas)
    return next_step(deployment, view.placements_of(deployment.id), bounds, look)


def _status(deployment: Record, stepped: Record, decisions: dict[str, Decision]) -> dict[str, Any]:
    """Of all tracks together as of a deployment with one, which is what most ask for, and of each."""
    found = {id: decision.status["placement"] for id, decision in decisions.items()}
    if not found:
        return stepped.status
    told = deployment.status.get("placement", {}).get("events", [])
    status = {**stepped.status, "placement": _together(told, list(found.values()))}
    if "tracks" in status:
        status["tracks"] = {id: {**own, "placement": found[id]} for id, own in status["tracks"].items() if id in found}
    return status


def _together(told: Sequence[Any], found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    lists = {
        name: [each for one in found for each in one[name]] for name in ("rejections", "leaving", "unacked", "away")
    }
    sums = {name: sum(one[name] for one in found) for name in ("missing_min", "missing_max", "withheld")}
    told = [*told, *(event for one in found for event in one["events"])]
    newest = {(event["at"], event["verdict"], *event["where"]): event for event in told}
    return {**lists, **sums, "events": sorted(newest.values(), key=lambda event: event["at"])[-MOST_EVENTS:]}


def _running(revision: int, around: Surroundings, placements: Sequence[Record]) -> Running:
    """Of a node that is not heard yet, what it must run may serve."""
    statuses = [report.status for _, report in around.replicas if report.revision == revision]
    unheard = [each.spec for each in placements if not around.is_heard(each.spec["node_id"])]
    ready = statuses.count(ReplicaStatus.READY)
    unsure = statuses.count(ReplicaStatus.UNKNOWN) + sum(max(1, int(spec["min_replicas"])) for spec in unheard)
    return Running(revision, ready, ready + unsure)
