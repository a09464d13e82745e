"""What a rebalance would move where, and what for."""

import asyncio
from collections.abc import Collection, Iterator

from controlplane.fleet.fleet_view import FleetView
from controlplane.fleet.nodepools import nodepools_of
from controlplane.fleet.preemption import urgency
from controlplane.fleet.rebalance import Rebalance, is_on_its_way
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind, Record, Store
from homeport.core.placement.filter import shape_of
from homeport.core.rebalance.figures import figures_of
from homeport.core.rebalance.propose import propose
from homeport.core.rebalance.steps import Terms
from homeport.core.rebalance.types import Movable
from homeport.core.status import NodeStatus


async def plan_rebalance(
    store: Store, registry: NodeRegistry, pools: Collection[str], percent: float, terms: Terms, now: float
) -> Rebalance:
    """Moves at most `percent` of the replicas that run in `pools` (at their maximum), but one may always move. `now` is
    unix seconds. Others run meanwhile: nothing is reserved."""
    view = FleetView(store, registry, lambda: now)
    await view.refresh()
    demand = list(_demand(store, view))
    for deployment, revision in demand:
        wanted = view.wanted(deployment, revision, ())
        view.fleet.ask(deployment.id, shape_of(wanted.needs), wanted.scaling.max_replicas)
    movable = [each for deployment, revision in demand for each in _movable(deployment, revision, view, pools)]
    waiting = [
        view.wanted(deployment, revision, view.held(deployment.id))
        for deployment, revision in sorted(demand, key=lambda each: urgency(each[0]))
        if _is_short(deployment) and not set(nodepools_of(deployment.spec)).isdisjoint(pools)
    ]
    replicas = sum(each.replicas for each in movable)
    most = max(1, int(replicas * percent / 100))
    before = figures_of(view.fleet, pools)
    clearings = []
    for found in propose(view.fleet, pools, movable, waiting, most):
        if found is not None:
            clearings.append(found)
        await asyncio.sleep(0)
    after = figures_of(view.fleet, pools)
    return Rebalance(tuple(sorted(pools)), replicas, most, now, terms, before, after, tuple(clearings))


def _demand(store: Store, view: FleetView) -> Iterator[tuple[Record, Record]]:
    """Deployments, each with its revision."""
    for deployment in store.all(Kind.DEPLOYMENT):
        revision = store.get(Kind.REVISION, f"{deployment.id}/{deployment.status['revision']}")
        if revision is not None and view.spec(deployment).scaling().max_replicas:
            yield deployment, revision


def _movable(deployment: Record, revision: Record, view: FleetView, pools: Collection[str]) -> list[Movable]:
    """Nothing of a deployment that is on its way already, or not all there."""
    held = view.held(deployment.id)
    placements = view.placements.get(deployment.id, [])
    number = int(deployment.status["revision"])
    at_rest = all(record.spec["revision"] == number and not record.spec.get("replaced") for record in placements)
    ready = all(each.status is NodeStatus.READY for each in held)
    if not at_rest or not ready or len(held) != len(placements) or is_on_its_way(deployment):
        return []
    wanted = view.wanted(deployment, revision, held)
    return [
        Movable(wanted, spec["node_id"], spec["min_replicas"], spec["max_replicas"])
        for spec in (record.spec for record in placements)
        if spec["max_replicas"] and view.fleet.node(spec["node_id"]).nodepool in pools
    ]


def _is_short(deployment: Record) -> bool:
    return bool(deployment.status.get("placement", {}).get("missing_max"))
