"""Keeps placements in line with deployments and nodes."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from controlplane.fleet.nodes import node_status_of
from controlplane.fleet.revisions import workload_of
from controlplane.fleet.schedulable import FleetView
from controlplane.pipelines.base import Pipeline
from controlplane.pipelines.placement_decision import Decision, apply, decide
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind, Record, Store
from homeport.core.resources import ComputeNeeds, Inventory
from homeport.core.status import NodeStatus

log = structlog.get_logger()

# How many nodes are looked at before others get the event loop.
_NODES_PER_TURN = 250


class PlacementPipeline(Pipeline):
    """The only writer of placements, but for the deletion of a deployment.

    Older deployments are served first, and what one holds is reserved against all others, so nobody is displaced.
    """

    name = "placements"
    kinds = frozenset({Kind.CLUSTER, Kind.DEPLOYMENT, Kind.NODE, Kind.REVISION})

    def __init__(
        self,
        store: Store,
        registry: NodeRegistry,
        poll_seconds: float = 5.0,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        super().__init__(store, poll_seconds)
        self._registry = registry
        self._new_id = new_id
        self._seen: dict[str, tuple[NodeStatus, Inventory | None]] = {}

    async def run(self) -> None:
        self._registry.listeners.append(self._node_spoke)
        try:
            await super().run()
        finally:
            self._registry.listeners.remove(self._node_spoke)

    async def reconcile_once(self) -> None:
        """Raises the first error of the round's writes, after all of them have ended."""
        placements = self._placements_by_deployment()
        view = await self._load(placements)
        deployments = sorted(self._store.all(Kind.DEPLOYMENT), key=lambda record: (record.created_at, record.id))
        writes = []
        for deployment in deployments:
            decision = self._decide(deployment, placements[deployment.id], view)
            if decision is not None:
                writes.append(asyncio.create_task(self._write(decision), name=f"place-{deployment.id}"))
            # Lets others run, and the writes made so far go out together.
            await asyncio.sleep(0)
        for outcome in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _load(self, placements: dict[str, list[Record]]) -> FleetView:
        view = FleetView(self._store.all(Kind.CLUSTER))
        for index, node in enumerate(self._store.all(Kind.NODE)):
            view.add_node(node, self._registry)
            if index % _NODES_PER_TURN == 0:
                await asyncio.sleep(0)
        for deployment_id, held in placements.items():
            self._reserve(view, deployment_id, [record.spec for record in held])
            await asyncio.sleep(0)
        return view

    def _decide(self, deployment: Record, current: list[Record], view: FleetView) -> Decision | None:
        """None when all is as it should be. The view learns of what is decided."""
        revision = self._store.get(Kind.REVISION, f"{deployment.id}/{deployment.status['revision']}")
        if revision is None:
            return None  # the deployment was deleted while this round ran
        candidates = view.candidates(deployment)
        decision = decide(deployment, revision, current, candidates, self._new_id)
        if not decision.changes_anything(current):
            return None
        view.release(deployment.id)
        self._reserve(view, deployment.id, decision.put.values())
        return decision

    def _reserve(self, view: FleetView, deployment_id: str, specs: Iterable[dict[str, Any]]) -> None:
        needs: dict[int, ComputeNeeds] = {}
        for spec in specs:
            number = spec["revision"]
            if number not in needs:
                revision = self._store.get(Kind.REVISION, f"{deployment_id}/{number}")
                needs[number] = workload_of(revision).needs if revision else ComputeNeeds()
            view.take(spec, needs[number])

    async def _write(self, decision: Decision) -> None:
        deployment_id = decision.deployment.id
        if not await self._store.write(lambda tx: apply(tx, decision)):
            self.hint()
            return
        log.info(
            "placements written",
            deployment_id=deployment_id,
            placements=len(decision.put),
            removed=len(decision.remove),
            missing_max=decision.status["placement"]["missing_max"],
        )

    def _placements_by_deployment(self) -> dict[str, list[Record]]:
        found: defaultdict[str, list[Record]] = defaultdict(list)
        for record in self._store.all(Kind.PLACEMENT):
            found[record.spec["deployment_id"]].append(record)
        return found

    def _node_spoke(self, node_id: str) -> None:
        """Wakes the pipeline for what scheduling depends on, not for every replica that changes its state."""
        record = self._store.get(Kind.NODE, node_id)
        live = self._registry.get(node_id)
        facts = (
            node_status_of(record, self._registry) if record else NodeStatus.LOST,
            live.inventory if live else None,
        )
        if self._seen.get(node_id) != facts:
            self._seen[node_id] = facts
            self.hint()
