"""Makes room for deployments of higher priority, one after the other."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import structlog

from controlplane.fleet.fleet_view import FleetView
from controlplane.fleet.preemption import asks_for_room, evicted_from, mark_evicted, may_take_room, priority_of, urgency
from controlplane.fleet.rebalance import is_on_its_way
from controlplane.fleet.revisions import current_revision
from controlplane.fleet.tracks import is_divided, most_telling
from controlplane.pipelines.base import Pipeline
from controlplane.store.store import Change, Kind, Record, Store
from homeport.core.placement.preemption import Victim, choose_victims
from homeport.core.placement.types import Wanted
from homeport.core.placement.vacancy import fits_elsewhere

log = structlog.get_logger()

# Of each deployment: nodes that it has to leave, and for whose sake.
Marks = dict[str, dict[str, str]]


class PreemptionPipeline(Pipeline):
    """Whoever has to leave is told by a mark, which the scheduler follows: where there is room elsewhere, in the way of
    a drain. The marks stay until the one of higher priority has its minimum, and for each replica of that minimum there
    is one node at most that others leave: one that fails wherever it is displaces nobody else."""

    name = "preemption"
    kinds = frozenset({Kind.DEPLOYMENT})

    def __init__(self, store: Store, view: FleetView, poll_seconds: float = 5.0) -> None:
        super().__init__(store, poll_seconds)
        self._view = view

    def concerns(self, changes: list[Change]) -> bool:
        """Most deployments take nothing from anybody."""
        return super().concerns(changes) and any(
            change.kind is Kind.DEPLOYMENT and (change.record is None or may_take_room(change.record))
            for change in changes
        )

    async def reconcile_once(self) -> None:
        deployments = self._store.all(Kind.DEPLOYMENT)
        asking = sorted((each for each in deployments if asks_for_room(each)), key=urgency)
        marked = {each.id: evicted_from(each) for each in deployments if evicted_from(each)}
        if not asking and not marked:
            return
        await self._view.refresh()
        wanted = _still_meant(marked, {each.id: each for each in deployments}, {each.id for each in asking})
        if not self._anyone_leaves(wanted):
            self._choose(asking, deployments, wanted)
        changes = {id: wanted.get(id, {}) for id in {**marked, **wanted} if wanted.get(id, {}) != marked.get(id, {})}
        if changes:
            await self._store.write(lambda tx: mark_evicted(tx, changes))

    def _anyone_leaves(self, marks: Marks) -> bool:
        return any(
            record.spec["node_id"] in nodes for id, nodes in marks.items() for record in self._view.placements_of(id)
        )

    def _choose(self, asking: Sequence[Record], deployments: Sequence[Record], marks: Marks) -> None:
        """For the first for whom there is somebody."""
        victims: defaultdict[str, list[Victim]] = defaultdict(list)
        by_id = {each.id: each for each in deployments}
        for each in deployments:
            for victim in self._victims(each, marks):
                victims[victim.node_id].append(victim)
        for deployment in asking:
            cleared = {node for nodes in marks.values() for node, by in nodes.items() if by == deployment.id}
            wanted = self._wanted(deployment)
            if wanted is None or len(cleared) >= wanted.scaling.min_replicas:
                continue
            priority = priority_of(deployment)
            chosen = choose_victims(
                wanted, priority, self._view.fleet, victims, lambda victim: self._fits_elsewhere(by_id, victim)
            )
            for victim in chosen:
                marks.setdefault(victim.deployment_id, {})[victim.node_id] = deployment.id
                log.info("evicted", deployment_id=victim.deployment_id, node_id=victim.node_id, by=deployment.id)
            if chosen:
                return

    def _victims(self, deployment: Record, marks: Marks) -> list[Victim]:
        """Nothing of one that is on its way, or not all there: it must not lose more than it is about to. Nor of one
        with revisions side by side, whose requests may be about to go over."""
        if is_on_its_way(deployment) or deployment.id in marks or is_divided(deployment):
            return []
        priority = priority_of(deployment)
        return [
            Victim(deployment.id, spec["node_id"], priority, spec["min_replicas"], spec["max_replicas"])
            for spec in (record.spec for record in self._view.placements.get(deployment.id, ()))
            if not spec.get("replaced")
        ]

    def _wanted(self, deployment: Record) -> Wanted | None:
        track = most_telling(deployment)
        revision = current_revision(self._store, track)
        return self._view.wanted(track, revision, self._view.held(track.id)) if revision is not None else None

    def _fits_elsewhere(self, deployments: Mapping[str, Record], victim: Victim) -> bool:
        wanted = self._wanted(deployments[victim.deployment_id])
        if wanted is None:
            return False
        return fits_elsewhere(wanted, victim.node_id, victim.least, self._view.fleet)


def _still_meant(marked: Marks, deployments: Mapping[str, Record], asking: set[str]) -> Marks:
    """Those for whose sake it is still ask for room, and still come first."""
    kept: Marks = {}
    for id, nodes in marked.items():
        own = priority_of(deployments[id])
        for node, by in nodes.items():
            if by in asking and priority_of(deployments[by]) > own:
                kept.setdefault(id, {})[node] = by
    return kept
