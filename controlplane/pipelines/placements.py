"""Keeps placements in line with deployments and nodes."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from controlplane.fleet.fleet_view import FleetView
from controlplane.fleet.nodes import node_status_of
from controlplane.fleet.preemption import urgency
from controlplane.fleet.revisions import current_revision
from controlplane.fleet.tracks import is_divided, tracks_in
from controlplane.pipelines.base import Pipeline
from controlplane.pipelines.divided_decision import decide_divided
from controlplane.pipelines.placement_decision import Decision, apply, decide
from controlplane.pipelines.wakes import Wakes
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind, Record, Store
from homeport.core.errors import HomeportError
from homeport.core.placement.types import Candidate
from homeport.core.refusal import Refusal
from homeport.core.resources import Inventory
from homeport.core.status import NodeStatus

log = structlog.get_logger()

# How many deployments that are as they were are passed over before others get the event loop.
_PER_TURN = 200


@dataclass(frozen=True, slots=True)
class _Decided:
    """What a decision was made from, and what it came to. `version` is the fleet's; None = no change of it matters."""

    inputs: tuple[Any, ...]
    nodes: tuple[Candidate | None, ...]
    version: int | None
    put: dict[str, dict[str, Any]]
    status: dict[str, Any]


class PlacementPipeline(Pipeline):
    """The only writer of placements, but for the deletion of a deployment.

    Those of higher priority are served first, then the older ones, and what one holds is reserved against all others. A
    deployment is thought about again when it, or a node that serves it, is not as it was, when something was missing
    and the fleet has changed, and always while replicas move, a node is not well, or a gateway has nobody to send its
    requests to.
    """

    name = "placements"
    kinds = frozenset({Kind.CLUSTER, Kind.DEPLOYMENT, Kind.INSTANCE_TYPE, Kind.NODE, Kind.NODEPOOL, Kind.REVISION})
    swarms = frozenset({Kind.NODE})

    def __init__(
        self,
        store: Store,
        registry: NodeRegistry,
        view: FleetView,
        wakes: Wakes,
        poll_seconds: float = 5.0,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        super().__init__(store, poll_seconds)
        self._registry = registry
        self._view = view
        self._wakes = wakes
        self._new_id = new_id
        # Whether replicas leave a node: then each report of an agent may be what that waits for.
        self._moving = False
        # Nodes whose acknowledgement lets others have more.
        self._awaited: set[str] = set()
        self._seen: dict[str, tuple[NodeStatus, Inventory | None, tuple[Refusal, ...]]] = {}
        self._decided: dict[str, _Decided] = {}
        # Those that were not found as decided yet, and those that are when the fleet is as it was.
        self._due: set[str] = set()
        self._unsettled: set[str] = set()
        self._pools_version = view.pools_version

    async def run(self) -> None:
        self._registry.listeners.append(self._node_spoke)
        self._wakes.on_wake = self.hint
        self._registry.ack_listeners.append(self._node_acked)
        try:
            await super().run()
        finally:
            self._registry.listeners.remove(self._node_spoke)
            self._registry.ack_listeners.remove(self._node_acked)

    async def reconcile_once(self) -> None:
        """Raises the first error of the round's writes, after all of them have ended."""
        await self._view.refresh()
        writes = []
        moving = False
        self._awaited.clear()
        for index, deployment in enumerate(self._to_look_at()):
            if self._is_confirmed(deployment):
                continue
            current = self._view.placements_of(deployment.id)
            decision = self._decide(deployment, current)
            if decision is not None:
                moving = moving or decision.is_moving
                self._awaited.update(decision.awaited)
            if decision is not None and decision.changes_anything(current):
                writes.append(asyncio.create_task(self._write(decision), name=f"place-{deployment.id}"))
            if decision is not None or index % _PER_TURN == _PER_TURN - 1:
                # Lets others run, and the writes made so far go out together.
                await asyncio.sleep(0)
        self._moving = moving
        for outcome in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    def _to_look_at(self) -> list[Record]:
        """Those first that are served first."""
        self._due |= self._view.take_touched()
        if self._pools_version is not self._view.pools_version:
            self._pools_version = self._view.pools_version
            self._due.update(each.id for each in self._store.all(Kind.DEPLOYMENT))
        deployments = []
        for id in self._due | self._unsettled | self._view.troubled() | self._wakes.awaited():
            deployment = self._store.get(Kind.DEPLOYMENT, id)
            if deployment is None:
                self._forget(id)
                self._due.discard(id)
            else:
                deployments.append(deployment)
        return sorted(deployments, key=urgency)

    def _forget(self, deployment_id: str) -> None:
        """What was decided."""
        self._decided.pop(deployment_id, None)
        self._unsettled.discard(deployment_id)

    def _is_confirmed(self, deployment: Record) -> bool:
        """The short way: nothing has changed of all that a decision about it depends on."""
        if deployment.id in self._due or self._view.refused(deployment.id):
            return False
        if self._view.is_pressed(deployment.id):
            return False
        if self._wakes.is_awaited(deployment.id):
            return False
        return self._decided[deployment.id].version in (None, self._view.fleet.version)

    def _decide(self, deployment: Record, current: Sequence[Record]) -> Decision | None:
        """None when it would be the same as the last one."""
        revision = current_revision(self._store, deployment)
        if revision is None:
            return None  # the deployment was deleted while this round ran
        self._due.add(deployment.id)
        refused = self._view.refused(deployment.id)
        capped, is_pressed = self._view.relieve(deployment.id)
        around = self._view.surroundings(deployment.id)
        terms = self._view.spec(deployment).on_disconnect.terms()
        if self._wakes.is_awaited(deployment.id) and not around.something_runs:
            terms = terms.awaited()
        if is_divided(deployment):
            self._forget(deployment.id)
            for track in tracks_in(deployment):
                self._view.relieve(track)
            return decide_divided(self._store, self._view, deployment, terms, self._new_id)
        inputs = (deployment.spec, revision, self._view.pools_version, refused, capped, terms)
        if self._is_as_decided(deployment, current, inputs):
            if not refused and not is_pressed:  # which ends by itself
                self._due.discard(deployment.id)
            return None
        decision = decide(
            deployment,
            current,
            terms,
            partial(self._view.wanted, deployment, revision),
            around,
            self._new_id,
        )
        self._remember(decision, inputs)
        return decision

    def _remember(self, decision: Decision, inputs: tuple[Any, ...]) -> None:
        fleet, id = self._view.fleet, decision.deployment.id
        self._forget(id)
        nodes = tuple(fleet.get(spec["node_id"]) for spec in decision.put.values())
        if decision.is_calm and all(node is not None and node.status is NodeStatus.READY for node in nodes):
            version = None if decision.settled else fleet.version
            self._decided[id] = _Decided(inputs, nodes, version, decision.put, decision.status)
            if not decision.settled:
                self._unsettled.add(id)

    def _is_as_decided(self, deployment: Record, current: Sequence[Record], inputs: tuple[Any, ...]) -> bool:
        decided, fleet = self._decided.get(deployment.id), self._view.fleet
        return (
            decided is not None
            and decided.inputs == inputs
            and decided.version in (None, fleet.version)
            and decided.status == deployment.status
            and decided.put == {record.id: record.spec for record in current}
            and decided.nodes == tuple(fleet.get(spec["node_id"]) for spec in decided.put.values())
        )

    async def _write(self, decision: Decision) -> None:
        deployment_id = decision.deployment.id
        try:
            written = await self._store.write(lambda tx: apply(tx, decision))
        except HomeportError:
            self._view.doubt(deployment_id)
            raise
        if not written:
            self._view.doubt(deployment_id)
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
            live.refused if live else (),
        )
        if self._seen.get(node_id) != facts:
            self._seen[node_id] = facts
            # What a lost node ran is placed elsewhere at once; of those that come back the last may wait a little.
            self.hint() if facts[0] is NodeStatus.LOST else self.hint_of_swarm()
        elif self._moving:
            self.hint()

    def _node_acked(self, node_id: str) -> None:
        if node_id in self._awaited:
            self.hint()
