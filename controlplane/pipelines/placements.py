"""Keeps placements in line with deployments and nodes."""

import asyncio
import time
import uuid
from collections.abc import Callable

import structlog

from controlplane.fleet.fleet_loading import load_fleet, placements_by_deployment, reserve
from controlplane.fleet.nodes import node_status_of
from controlplane.fleet.schedulable import FleetView
from controlplane.pipelines.base import Pipeline
from controlplane.pipelines.placement_decision import Decision, Surroundings, apply, decide
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind, Record, Store
from homeport.core.resources import Inventory
from homeport.core.status import NodeStatus

log = structlog.get_logger()


class PlacementPipeline(Pipeline):
    """The only writer of placements, but for the deletion of a deployment.

    Older deployments are served first, and what one holds is reserved against all others, so nobody is displaced.
    `wall` gives unix seconds.
    """

    name = "placements"
    kinds = frozenset({Kind.CLUSTER, Kind.DEPLOYMENT, Kind.NODE, Kind.REVISION})

    def __init__(
        self,
        store: Store,
        registry: NodeRegistry,
        poll_seconds: float = 5.0,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        wall: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(store, poll_seconds)
        self._registry = registry
        self._new_id = new_id
        self._wall = wall
        # Whether replicas leave a node: then each report of an agent may be what that waits for.
        self._moving = False
        self._seen: dict[str, tuple[NodeStatus, Inventory | None]] = {}

    async def run(self) -> None:
        self._registry.listeners.append(self._node_spoke)
        try:
            await super().run()
        finally:
            self._registry.listeners.remove(self._node_spoke)

    async def reconcile_once(self) -> None:
        """Raises the first error of the round's writes, after all of them have ended."""
        placements = placements_by_deployment(self._store)
        view = await load_fleet(self._store, self._registry, self._store.all(Kind.NODE), self._wall())
        deployments = sorted(self._store.all(Kind.DEPLOYMENT), key=lambda record: (record.created_at, record.id))
        writes = []
        moving = False
        for deployment in deployments:
            decision = self._decide(deployment, placements[deployment.id], view)
            moving = moving or (decision is not None and decision.is_moving)
            if decision is not None and decision.changes_anything(placements[deployment.id]):
                writes.append(asyncio.create_task(self._write(decision), name=f"place-{deployment.id}"))
            # Lets others run, and the writes made so far go out together.
            await asyncio.sleep(0)
        self._moving = moving
        for outcome in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    def _decide(self, deployment: Record, current: list[Record], view: FleetView) -> Decision | None:
        """None for a deployment that is gone. The view learns of what is decided."""
        revision = self._store.get(Kind.REVISION, f"{deployment.id}/{deployment.status['revision']}")
        if revision is None:
            return None  # the deployment was deleted while this round ran
        around = Surroundings(
            view.candidates(deployment), view.replicas(deployment.id), view.node_ids, self._registry.may_lose
        )
        decision = decide(deployment, revision, current, around, self._new_id)
        if decision.changes_anything(current):
            view.release(deployment.id)
            reserve(view, self._store, deployment.id, decision.put.values())
        return decision

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

    def _node_spoke(self, node_id: str) -> None:
        """Wakes the pipeline for what scheduling depends on: not for every replica that changes its state, unless
        replicas are on their way from one node to another."""
        record = self._store.get(Kind.NODE, node_id)
        live = self._registry.get(node_id)
        facts = (
            node_status_of(record, self._registry) if record else NodeStatus.LOST,
            live.inventory if live else None,
        )
        if self._seen.get(node_id) != facts:
            self._seen[node_id] = facts
            self.hint()
        elif self._moving:
            self.hint()
