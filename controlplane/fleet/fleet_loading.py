"""The scheduler's view of the fleet, read from the store and the registry."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from controlplane.fleet.revisions import workload_of
from controlplane.fleet.schedulable import FleetView
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind, Record, Store
from homeport.core.resources import ComputeNeeds

# How many nodes are looked at before others get the event loop.
_NODES_PER_TURN = 250


async def load_fleet(store: Store, registry: NodeRegistry, nodes: Iterable[Record], now: float) -> FleetView:
    """`nodes` are those of the store, or as they might be. `now` is unix seconds."""
    view = FleetView(store.all(Kind.CLUSTER), now)
    for index, node in enumerate(nodes):
        view.add_node(node, registry)
        view.add_replicas((node.id, report) for report in registry.replicas_on(node.id))
        if index % _NODES_PER_TURN == 0:
            await asyncio.sleep(0)
    for deployment_id, held in placements_by_deployment(store).items():
        reserve(view, store, deployment_id, [record.spec for record in held])
        await asyncio.sleep(0)
    return view


def reserve(view: FleetView, store: Store, deployment_id: str, specs: Iterable[dict[str, Any]]) -> None:
    """What placements of a deployment with these specs take."""
    needs: dict[int, ComputeNeeds] = {}
    for spec in specs:
        number = spec["revision"]
        if number not in needs:
            revision = store.get(Kind.REVISION, f"{deployment_id}/{number}")
            needs[number] = workload_of(revision).needs if revision else ComputeNeeds()
        view.take(spec, needs[number])


def placements_by_deployment(store: Store) -> dict[str, list[Record]]:
    found: defaultdict[str, list[Record]] = defaultdict(list)
    for record in store.all(Kind.PLACEMENT):
        found[record.spec["deployment_id"]].append(record)
    return found
