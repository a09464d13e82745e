"""What a rebalance would move where, and what for."""

import asyncio
from collections.abc import Collection, Iterator

from controlplane.fleet.fleet_view import FleetView
from controlplane.fleet.nodepools import nodepools_of
from controlplane.fleet.preemption import urgency
from controlplane.fleet.rebalance import Rebalance, is_on_its_way
from controlplane.fleet.revisions import current_revision
from controlplane.fleet.tracks import is_divided
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind, Record, Store
from homeport.core.placement.filter import shape_of
from homeport.core.placement.types import Wanted
from homeport.core.rebalance.figures import figures_of
from homeport.core.rebalance.propose import propose
from homeport.core.rebalance.steps import Terms
from homeport.core.rebalance.types import Movable
from homeport.core.status import NodeStatus

# Deployments that are looked at before others get the event loop.
_PER_TURN = 100


async def plan_rebalance(
    store: Store, registry: NodeRegistry, pools: Collection[str], percent: float, terms: Terms, now: float
) -> Rebalance:
    """Moves at most `percent` of the replicas that run in `pools` (at their maximum), but one may always move. `now` is
    unix seconds. Others run meanwhile: nothing is reserved."""
    view = FleetView(store, registry, lambda: now)
    await view.refresh()
    movable: list[Movable] = []
    waiting: list[Wanted] = []
    for index, (deployment, revision) in enumerate(_demand(store, view)):
        wanted = view.wanted(deployment, revision, view.held(deployment.id))
        view.fleet.ask(deployment.id, shape_of(wanted.needs), wanted.scaling.max_replicas)
        movable += _movable(deployment, wanted, view, pools)
        if _is_short(deployment) and not set(nodepools_of(deployment.spec)).isdisjoint(pools):
            waiting.append(wanted)
        if index % _PER_TURN == _PER_TURN - 1:
            await asyncio.sleep(0)
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
    """Deployments, each with its revision; those first that are served first. Not those with revisions side by side."""
    for deployment in sorted(store.all(Kind.DEPLOYMENT), key=urgency):
        if is_divided(deployment):
            continue
        revision = current_revision(store, deployment)
        if revision is not None and view.spec(deployment).scaling().max_replicas:
            yield deployment, revision


def _movable(deployment: Record, wanted: Wanted, view: FleetView, pools: Collection[str]) -> list[Movable]:
    """Nothing of a deployment that is on its way already, or not all there."""
    placements = view.placements.get(deployment.id, [])
    number = int(deployment.status["revision"])
    at_rest = all(record.spec["revision"] == number for record in placements)
    ready = all(each.status is NodeStatus.READY for each in wanted.held)
    if not at_rest or not ready or len(wanted.held) != len(placements) or is_on_its_way(deployment):
        return []
    return [
        Movable(wanted, spec["node_id"], spec["min_replicas"], spec["max_replicas"])
        for spec in (record.spec for record in placements)
        if spec["max_replicas"] and view.fleet.node(spec["node_id"]).nodepool in pools
    ]


def _is_short(deployment: Record) -> bool:
    return bool(deployment.status.get("placement", {}).get("missing_max"))
