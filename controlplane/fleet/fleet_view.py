"""The scheduler's fleet, kept in line with the store and with what agents say."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from controlplane.fleet.apartness import Apartness
from controlplane.fleet.node_drain import drain_of
from controlplane.fleet.nodepools import nodepools_of
from controlplane.fleet.nodes import node_status_of, nodepool_key_of
from controlplane.fleet.parsed import Parsed
from controlplane.fleet.preemption import evicted_from
from controlplane.fleet.prices import prices_in
from controlplane.fleet.reported_replicas import ReportedReplicas
from controlplane.fleet.revisions import workload_of
from controlplane.fleet.schedulable import candidate_of, pool_of, taken_by_placement, wanted_of
from controlplane.fleet.specs import DeploymentSpecs
from controlplane.fleet.surroundings import Surroundings
from controlplane.fleet.tracks import bounded, track_of
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Change, Index, Kind, Record, Store
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.price import Prices
from homeport.core.placement.types import Candidate, Held, Wanted
from homeport.core.refusal import Refusal
from homeport.core.resources import ComputeNeeds
from homeport.core.rollout.track import deployment_of
from homeport.schema.deployment import DeploymentSpec

# How many nodes or deployments are looked at before others get the event loop.
_PER_TURN = 250


class FleetView:
    """Every refresh takes in what was written and said since the last one. `wall` gives unix seconds; `assumed` are
    nodes as they might be, which count instead of the store's."""

    def __init__(
        self,
        store: Store,
        registry: NodeRegistry,
        wall: Callable[[], float] = time.time,
        specs: DeploymentSpecs | None = None,
        assumed: Iterable[Record] = (),
    ) -> None:
        self.fleet = Fleet()
        # By track: most deployments have one, of their own id.
        self.placements: dict[str, list[Record]] = {}
        # Of each deployment that is placed somewhere.
        self._tracks: dict[str, set[str]] = {}
        # Another object whenever something may have changed in what deployments choose nodepools by, or in who stays
        # apart from whom.
        self.pools_version = object()
        self._store = store
        self._registry = registry
        self._wall = wall
        self._assumed = {node.id: node for node in assumed}
        self._refreshing = asyncio.Lock()
        self._changes: AsyncIterator[list[Change]] | None = None
        # Up to which write of the store, and which word of the registry, everything is known.
        self._seq = 0
        self._heard = 0
        # To be looked at: nodes, and deployments whose placements are not as they were.
        self._stirred: set[str] = set()
        self._displaced: set[str] = set()
        self._something_gone = False
        self._touched: set[str] = set()
        self._seen_nodes: dict[str, tuple[Any, ...]] = {}
        self._deployment_of: dict[str, str] = {}
        self._apartness = Apartness()
        self._replicas = ReportedReplicas()
        self._workloads = Parsed(workload_of)
        self._specs = specs or DeploymentSpecs()

    async def refresh(self) -> None:
        async with self._refreshing:
            await self._take_in_writes()
            stirred, self._heard = self._registry.news(self._heard)
            self._stirred.update(stirred)
            await _one_by_one(self._stirred, self._refresh_node)
            await _one_by_one(self._displaced, self._refresh_placed)
            if self._something_gone:
                self._something_gone = False
                self._forget_gone()

    def take_touched(self) -> set[str]:
        """Deployments that have changed, or of which a placement or a node that serves them has, since this was asked
        last."""
        touched, self._touched = self._touched, set()
        return {deployment_of(id) for id in touched}

    def placements_of(self, deployment_id: str) -> list[Record]:
        """Of all of its tracks."""
        tracks = sorted(self._tracks.get(deployment_id, ()))
        return [record for track in tracks for record in self.placements.get(track, ())]

    def wanted(self, deployment: Record, revision: Record, held: tuple[Held, ...]) -> Wanted:
        """`deployment` may be one of its tracks."""
        pools = [pool_of(self._store, key) for key in nodepools_of(deployment.spec)]
        home = self._home(self.placements.get(deployment.id, ()))
        workload, refused = self._workloads.of(revision), self.refused(deployment.id)
        apart = self._apartness.nodes_of_others(deployment, held, self._nodes_of, self._deployment)
        evicted, capped = evicted_from(deployment), self._registry.pressures.caps(deployment.id)
        spec = self.spec(deployment)
        scaling = bounded(self._specs.policies.of(deployment).scaling, deployment)
        return wanted_of(deployment.id, spec, scaling, workload, held, refused, pools, home, apart, evicted, capped)

    def held(self, deployment_id: str) -> tuple[Held, ...]:
        """Its placements by rank, but for those that others took over."""
        placements = sorted(self.placements.get(deployment_id, ()), key=lambda record: record.spec["rank"])
        return tuple(
            Held(record.spec["node_id"], record.spec["max_replicas"], node.status)
            for record in placements
            if (node := self.fleet.get(record.spec["node_id"])) is not None and not record.spec.get("replaced")
        )

    def prices_in(self, nodepool: str) -> Prices | None:
        return prices_in(self._store, nodepool)

    def refused(self, deployment_id: str) -> dict[str, Refusal]:
        """By node: what agents have refused to start lately."""
        return self._registry.refusals.of(deployment_id)

    def relieve(self, deployment_id: str) -> tuple[dict[str, int], bool]:
        """Takes from nodes that lack room what they can't use: (how many replicas they may have at most, by node,
        whether time could change that)."""
        pressures = self._registry.pressures
        placements = self.placements.get(deployment_id, ())
        pressures.relieve(deployment_id, {each.spec["node_id"]: each.spec["max_replicas"] for each in placements})
        return pressures.caps(deployment_id), pressures.matter(deployment_id)

    def pressure(self, deployment_id: str) -> dict[str, float]:
        """By node: how many replicas it lacks there."""
        return self._registry.pressures.now(deployment_id)

    def is_pressed(self, deployment_id: str) -> bool:
        return self._registry.pressures.matter(deployment_id)

    def troubled(self) -> set[str]:
        """Deployments of which agents have refused something, or for which they lack room: time may change both."""
        tracks = {*self._registry.refusals.deployments(), *self._registry.pressures.deployments()}
        return {deployment_of(track) for track in tracks}

    def spec(self, deployment: Record) -> DeploymentSpec:
        return self._specs.of(deployment)

    def surroundings(self, deployment_id: str) -> Surroundings:
        return Surroundings(
            self.fleet,
            self._replicas.of(deployment_id),
            self._registry.silent_seconds,
            self._is_forced,
            lambda node_id: self._registry.get(node_id) is not None,
            self._registry.acked,
            self._wall(),
            self._registry.may_lose,
        )

    def _is_forced(self, node_id: str) -> bool:
        node = self._seen_nodes[node_id][0] if node_id in self._seen_nodes else None
        drain = drain_of(node) if node else None
        return drain is not None and drain.lets_go(self._wall())

    def _home(self, placements: Sequence[Record]) -> str:
        """The cluster of the first of them."""
        first = min(placements, key=lambda record: record.spec["rank"], default=None)
        node = self.fleet.get(first.spec["node_id"]) if first else None
        return node.cluster if node else ""

    def expect(self, deployment_id: str, tracks: Iterable[str]) -> None:
        """Placements of these may be written: what is reserved for them is given back if not."""
        self._tracks.setdefault(deployment_id, set()).update(tracks)

    def _nodes_of(self, deployment_id: str) -> set[str]:
        tracks = self._tracks.get(deployment_id, ())
        return {node_id for track in (deployment_id, *tracks) for node_id in self.fleet.taken(track)}

    def doubt(self, deployment_id: str) -> None:
        """What the fleet holds for it was decided and not written: the next refresh goes by the store again."""
        self._displaced.add(deployment_id)

    # -- what was written

    async def _take_in_writes(self) -> None:
        if self._changes is None:
            self._load()
        while self._seq < self._store.seq and self._changes is not None:
            try:
                # Never waits: there is something newer.
                changes = await anext(self._changes, None)
            except HomeportError as error:
                if error.code is not ErrorCode.CONFLICT:
                    raise
                self._load()  # fell behind the change log
                return
            if changes is None:
                return  # the store was closed
            for change in changes:
                self._take_in(change)
            self._seq = changes[-1].seq

    def _load(self) -> None:
        """Also what is known is looked at again, for it may be gone."""
        self._seq = self._store.seq
        self._changes = self._store.changes(self._seq)
        self.pools_version = object()
        self._apartness = Apartness()
        self._deployment_of.clear()
        for kind in (Kind.DEPLOYMENT, Kind.PLACEMENT):
            for record in self._store.all(kind):
                self._take_in(Change(self._seq, kind, record.id, record))
        self._stirred |= self._seen_nodes.keys() | {node.id for node in self._store.all(Kind.NODE)}
        self._displaced |= self._tracks.keys() | {deployment_of(track) for track in self.fleet.ledger.deployments()}
        self._something_gone = True

    def _take_in(self, change: Change) -> None:
        match change.kind:
            case Kind.NODE:
                self._stirred.add(change.id)
            case Kind.CLUSTER:
                self._stir(lambda node: node.cluster == change.id)
            case Kind.NODEPOOL:
                self.pools_version = object()
                self._stir(lambda node: node.nodepool == change.id)
            case Kind.INSTANCE_TYPE:
                self.pools_version = object()
            case Kind.DEPLOYMENT:
                self._touched.add(change.id)
                self._something_gone |= change.record is None
                if self._apartness.learn(change.id, change.record):
                    self.pools_version = object()
            case Kind.PLACEMENT:
                before = self._deployment_of.pop(change.id, None)
                if before is not None:
                    self._displaced.add(before)
                if change.record is not None:
                    after = self._deployment_of[change.id] = change.record.spec["deployment_id"]
                    self._displaced.add(after)

    def _stir(self, concerns: Callable[[Candidate], bool]) -> None:
        self._stirred.update(id for id in self._seen_nodes if concerns(self.fleet.node(id)))

    def _forget_gone(self) -> None:
        """Only now and then there is something to forget."""
        deployments = self._store.all(Kind.DEPLOYMENT)
        known = {record.id for record in deployments}
        self._workloads.forget_gone(self._store.all(Kind.REVISION))
        self._specs.forget_gone(deployments)
        self._tracks = {id: tracks for id, tracks in self._tracks.items() if id in known}
        self.fleet.forget_gone(known | self.placements.keys())

    # -- looking at it

    def _refresh_node(self, node_id: str) -> None:
        self._replicas.put(node_id, self._registry.replicas_on(node_id))
        node = self._assumed.get(node_id) or self._store.get(Kind.NODE, node_id)
        if node is None:
            if self._seen_nodes.pop(node_id, None) is not None:
                self._touched.update(self.fleet.ledger.on(node_id))
                self.fleet.remove(node_id)
            return
        live = self._registry.get(node_id)
        cluster = self._store.get(Kind.CLUSTER, node.spec["cluster"])
        nodepool = self._store.get(Kind.NODEPOOL, nodepool_key_of(node))
        facts = (node, live.inventory if live else None, cluster, nodepool, node_status_of(node, self._registry))
        if not _are_same(self._seen_nodes.get(node_id), facts):
            self._seen_nodes[node_id] = facts
            candidate = candidate_of(node, self._registry, cluster, nodepool)
            if self.fleet.get(node_id) != candidate:
                self._touched.update(self.fleet.ledger.on(node_id))
                self.fleet.put(candidate)

    def _refresh_placed(self, deployment_id: str) -> None:
        self._touched.add(deployment_id)
        by_track: dict[str, list[Record]] = {}
        for record in self._store.find(Index.PLACEMENTS_OF_DEPLOYMENT, deployment_id):
            by_track.setdefault(track_of(record), []).append(record)
        for track in self._tracks.pop(deployment_id, set()) | {deployment_id}:
            if track not in by_track:
                self.placements.pop(track, None)
                self.fleet.release(track)
        for track, records in by_track.items():
            self.placements[track] = records
            self.fleet.take(
                track, {each.spec["node_id"]: taken_by_placement(each.spec, self._needs(each)) for each in records}
            )
        if by_track:
            self._tracks[deployment_id] = set(by_track)

    def _needs(self, placement: Record) -> ComputeNeeds:
        spec = placement.spec
        revision = self._store.get(Kind.REVISION, f"{spec['deployment_id']}/{spec['revision']}")
        return self._workloads.of(revision).needs if revision else ComputeNeeds()

    def _deployment(self, id: str) -> Record | None:
        return self._store.get(Kind.DEPLOYMENT, id)


async def _one_by_one(ids: set[str], look_at: Callable[[str], None]) -> None:
    """Until none is left, in the order of their ids."""
    for index, id in enumerate(sorted(ids), 1):
        look_at(id)
        ids.discard(id)
        if index % _PER_TURN == 0:
            await asyncio.sleep(0)


def _are_same(before: Sequence[Any] | None, after: Sequence[Any]) -> bool:
    """The very same objects: records and inventories are replaced, never changed."""
    return before is not None and len(before) == len(after) and all(a is b for a, b in zip(before, after, strict=True))
