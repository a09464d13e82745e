"""Why a deployment is where it is, and where one would go that is not written yet."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from controlplane.fleet.bound import bound_of
from controlplane.fleet.fleet_view import FleetView
from controlplane.fleet.revisions import current_revision
from controlplane.fleet.tracks import as_track, shares_now, tracks_in
from controlplane.store.store import Record, Store
from homeport.core.placement.explain import NodeAnswer, explain
from homeport.core.placement.history import verdict_of
from homeport.core.placement.price import price_range
from homeport.core.placement.types import Plan, Wanted
from homeport.core.rollout.share import percent_of
from homeport.core.rollout.track import deployment_of

# A fleet of thousands has thousands of reasons.
_MOST_NODES = 200


async def explain_deployment(view: FleetView, deployment: Record, revision: Record) -> dict[str, Any]:
    """The form is homeport.schema.explanation.Explanation. The records need not be in the store; `deployment` may be
    one of its tracks."""
    await view.refresh()
    wanted = view.wanted(deployment, revision, view.held(deployment.id))
    found = explain(wanted, view.fleet)
    scaling, plan, pressure = wanted.scaling, found.plan, view.pressure(deployment.id)
    return {
        "deployment_id": deployment_of(deployment.id),
        "summary": found.summary,
        "verdict": verdict_of(wanted, plan),
        "scheduling_choice": deployment.spec["scheduling_choice"],
        "desired": {"min": scaling.min_replicas, "max": scaling.max_replicas},
        "missing": {"min": plan.missing_min, "max": plan.missing_max},
        "tiers": [list(tier) for tier in wanted.tiers],
        "nodes": [_node(answer, pressure) for answer in found.nodes[:_MOST_NODES]],
        "omitted": max(0, len(found.nodes) - _MOST_NODES),
        "filtered": found.filtered,
        "price_per_hour": _price(view, wanted, plan),
        "events": deployment.status.get("placement", {}).get("events", []),
        "fixes": [fix.text for fix in found.fixes],
        "bound": bound_of(deployment, scaling.max_replicas, partial(_name_of, view)),
    }


async def explain_revisions(view: FleetView, store: Store, deployment: Record) -> list[dict[str, Any]]:
    """Of each revision side by side, the newest last, with its part of the requests; of one that runs alone nothing."""
    await view.refresh()
    shares, found = shares_now(deployment), []
    for track_id in tracks_in(deployment):
        track = as_track(deployment, track_id)
        revision = current_revision(store, track)
        if revision is not None:
            number = int(track.status["revision"])
            beside = {"revision": number, "percent": percent_of(shares, number)}
            found.append({**await explain_deployment(view, track, revision), **beside})
    return sorted(found, key=lambda each: each["revision"]) if len(found) > 1 else []


def _name_of(view: FleetView, node_id: str) -> str:
    node = view.fleet.get(node_id)
    return node.name if node else node_id


def _price(view: FleetView, wanted: Wanted, plan: Plan) -> dict[str, Any] | None:
    nodes = {budget.node_id: view.fleet.node(budget.node_id) for budget in plan.budgets}
    prices = {id: known for id, node in nodes.items() if (known := view.prices_in(node.nodepool)) is not None}
    found = price_range(plan, wanted.needs, {id: node.inventory for id, node in nodes.items()}, prices)
    if found is None:
        return None
    return {"low": found.low, "high": found.high, "unpriced": [nodes[id].name for id in found.unpriced]}


def _node(answer: NodeAnswer, pressure: Mapping[str, float]) -> dict[str, Any]:
    budget = answer.budget
    return {
        "node_id": answer.node.node_id,
        "node_name": answer.node.name,
        "nodepool": answer.node.nodepool,
        "tier": answer.tier,
        "verdict": "placed" if budget else "rejected" if answer.reasons else "fits",
        "rank": budget.rank if budget else None,
        "min": budget.min_replicas if budget else 0,
        "max": budget.max_replicas if budget else 0,
        "cost": answer.cost,
        "favours": list(answer.favours),
        "claimed": round(answer.claimed, 3),
        "pressure": pressure.get(answer.node.node_id, 0.0),
        "reasons": [{"filter": why.filter, "need": why.need, "have": why.have} for why in answer.reasons],
    }
