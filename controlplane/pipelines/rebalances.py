"""Carries out the moves of a rebalance."""

from collections.abc import Callable

import structlog

from controlplane.fleet.fleet_view import FleetView
from controlplane.fleet.rebalance import LAST, is_over, put_steps, rebalance_of, steps_of
from controlplane.fleet.revisions import current_revision
from controlplane.pipelines.base import Pipeline
from controlplane.store.store import Index, Kind, Store
from homeport.core.placement.vacancy import has_room
from homeport.core.rebalance.steps import Seat, advance
from homeport.core.rebalance.types import Move
from homeport.core.status import NodeStatus

log = structlog.get_logger()


class RebalancePipeline(Pipeline):
    """The scheduler moves replicas; this one tells it which, a few at a time. `wall` gives unix seconds."""

    name = "rebalance"
    # How far a move is shows in placements, of which there are too many to look at each change.
    kinds = frozenset({Kind.REBALANCE})

    def __init__(self, store: Store, view: FleetView, wall: Callable[[], float], poll_seconds: float = 2.0) -> None:
        super().__init__(store, poll_seconds)
        self._view = view
        self._wall = wall

    async def reconcile_once(self) -> None:
        record = self._store.get(Kind.REBALANCE, LAST)
        if record is None or is_over(record):
            return
        await self._view.refresh()
        before = steps_of(record)
        steps = advance(before, self._seat, self._has_room, rebalance_of(record).terms, self._wall())
        if steps == before:
            return
        if not await self._store.write(lambda tx: put_steps(tx, record, steps)):
            self.hint()
            return
        for old, new in zip(before, steps, strict=True):
            if old.state is not new.state:
                log.info(
                    "rebalance", deployment_id=new.move.deployment_id, to=new.move.to_node, state=new.state.value,
                    reason=new.reason,
                )  # fmt: skip

    def _seat(self, move: Move) -> Seat:
        placements = self._store.find(Index.PLACEMENTS_OF_DEPLOYMENT, move.deployment_id)
        on = {record.spec["node_id"] for record in placements}
        if move.from_node in on:
            return Seat.BOTH if move.to_node in on else Seat.SOURCE
        return Seat.TARGET if move.to_node in on else Seat.NEITHER

    def _has_room(self, move: Move) -> bool | None:
        """None while the node is silent."""
        deployment = self._store.get(Kind.DEPLOYMENT, move.deployment_id)
        node = self._view.fleet.get(move.to_node)
        if deployment is None or node is None:
            return False
        revision = current_revision(self._store, deployment)
        if revision is None:
            return False
        if node.status not in (NodeStatus.READY, NodeStatus.LOST):
            return None
        wanted = self._view.wanted(deployment, revision, ())
        return has_room(wanted, node.node_id, move.replicas, self._view.fleet)
