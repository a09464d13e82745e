"""The scheduler's fleet, kept in line with the store and with what agents say."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from controlplane.fleet.apartness import Apartness
from controlplane.fleet.node_drain import drain_of
from controlplane.fleet.nodepools import nodepools_of
from controlplane.fleet.nodes import node_status_of, nodepool_key_of
from controlplane.fleet.parsed import Parsed
from controlplane.fleet.preemption import evicted_from
from controlplane.fleet.prices import prices_in
from controlplane.fleet.revisions import workload_of
from controlplane.fleet.schedulable import candidate_of, pool_of, taken_by_placement, wanted_of
from controlplane.fleet.specs import DeploymentSpecs
from controlplane.fleet.surroundings import Surroundings
from controlplane.fleet.tracks import bounded, track_of
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Index, Kind, Record, Store
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.price import Prices
from homeport.core.placement.types import Held, Wanted
from homeport.core.refusal import Refusal
from homeport.core.resources import ComputeNeeds
from homeport.core.rollout.track import deployment_of
from homeport.core.status import ReplicaReport
from homeport.schema.deployment import DeploymentSpec

# How many nodes or deployments are looked at before others get the event loop.
_PER_TURN = 250


class FleetView:
    """Every refresh compares all that there is with what was seen last, and passes on what differs. `wall` gives unix
    seconds."""

    def __init__(
        self,
        store: Store,
        registry: NodeRegistry,
        wall: Callable[[], float] = time.time,
        specs: DeploymentSpecs | None = None,
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
        self._refreshing = asyncio.Lock()
        self._replicas: dict[str, list[tuple[str, ReplicaReport]]] = {}
        self._touched: set[str] = set()
        self._seen_pools: list[Record] = []
        self._seen_nodes: dict[str, tuple[Any, ...]] = {}
        self._seen_placements: dict[str, Record] = {}
        self._doubted: set[str] = set()
        self._apartness = Apartness()
        self._workloads = Parsed(workload_of)
        self._specs = specs or DeploymentSpecs()

    async def refresh(self, nodes: Sequence[Record] | None = None) -> None:
        """`nodes` are taken instead of the store's: as they might be."""
        async with self._refreshing:
            self._replicas.clear()
            self._refresh_pools()
            await self._refresh_nodes(self._store.all(Kind.NODE) if nodes is None else nodes)
            await self._refresh_placements()
            self._workloads.forget_gone(self._store.all(Kind.REVISION))
            deployments = self._store.all(Kind.DEPLOYMENT)
            self._specs.forget_gone(deployments)
            if self._apartness.learn(deployments):
                self.pools_version = object()
            known = {record.id for record in deployments}
            self._tracks = {id: tracks for id, tracks in self._tracks.items() if id in known}
            self.fleet.forget_gone(known | self.placements.keys())

    def take_touched(self) -> set[str]:
        """Deployments of which a placement, or a node that serves them, has changed since this was asked last."""
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
        apart = self._apartness.nodes_of_others(deployment, held, self._nodes_of)
        evicted, capped = evicted_from(deployment), self._registry.pressures.caps(deployment.id)
        spec = self.spec(deployment)
        scaling = bounded(spec.scaling(), deployment)
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

    def spec(self, deployment: Record) -> DeploymentSpec:
        return self._specs.of(deployment)

    def surroundings(self, deployment_id: str) -> Surroundings:
        return Surroundings(
            self.fleet,
            self._replicas_of(deployment_id),
            self._registry.silent_seconds,
            self._is_forced,
            lambda node_id: self._registry.get(node_id) is not None,
            self._registry.acked,
            self._wall(),
            self._registry.may_lose,
        )

    def _replicas_of(self, deployment_id: str) -> Sequence[tuple[str, ReplicaReport]]:
        """As agents reported at the first question since the last refresh. What was never placed runs nowhere."""
        if deployment_id not in self.placements:
            return ()
        if not self._replicas:
            self._replicas[""] = []
            for node_id, report in self._registry.replicas():
                self._replicas.setdefault(report.track or report.deployment_id, []).append((node_id, report))
        return self._replicas.get(deployment_id, ())

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
        self._doubted.add(deployment_id)

    def _refresh_pools(self) -> None:
        pools = [*self._store.all(Kind.NODEPOOL), *self._store.all(Kind.INSTANCE_TYPE)]
        if not _are_same(self._seen_pools, pools):
            self._seen_pools = pools
            self.pools_version = object()

    async def _refresh_nodes(self, records: Sequence[Record]) -> None:
        for index, node in enumerate(records):
            live = self._registry.get(node.id)
            cluster = self._store.get(Kind.CLUSTER, node.spec["cluster"])
            status = node_status_of(node, self._registry)
            nodepool = self._store.get(Kind.NODEPOOL, nodepool_key_of(node))
            facts = (node, live.inventory if live else None, cluster, nodepool, status)
            if not _are_same(self._seen_nodes.get(node.id), facts):
                self._seen_nodes[node.id] = facts
                candidate = candidate_of(node, self._registry, cluster, nodepool)
                if self.fleet.get(node.id) != candidate:
                    self._touched.update(self.fleet.ledger.on(node.id))
                    self.fleet.put(candidate)
            if index % _PER_TURN == _PER_TURN - 1:
                await asyncio.sleep(0)
        for node_id in self._seen_nodes.keys() - {node.id for node in records}:
            del self._seen_nodes[node_id]
            self._touched.update(self.fleet.ledger.on(node_id))
            self.fleet.remove(node_id)

    async def _refresh_placements(self) -> None:
        now = self._store.all(Kind.PLACEMENT)
        changed = [record for record in now if self._seen_placements.get(record.id) is not record]
        before = [self._seen_placements[record.id] for record in changed if record.id in self._seen_placements]
        self._seen_placements.update({record.id: record for record in changed})
        if len(self._seen_placements) > len(now):
            gone = self._seen_placements.keys() - {record.id for record in now}
            before += [self._seen_placements.pop(id) for id in gone]
        concerned = {record.spec["deployment_id"] for record in (*changed, *before)} | self._doubted
        self._doubted = set()
        for index, deployment_id in enumerate(sorted(concerned), 1):
            self._refresh_placed(deployment_id)
            if index % _PER_TURN == 0:
                await asyncio.sleep(0)

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


def _are_same(before: Sequence[Any] | None, after: Sequence[Any]) -> bool:
    """The very same objects: records and inventories are replaced, never changed."""
    return before is not None and len(before) == len(after) and all(a is b for a, b in zip(before, after, strict=True))
