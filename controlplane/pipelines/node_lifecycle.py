"""Notices who is silent, gives up whom it must, and remembers that across restarts."""

import asyncio
from collections.abc import Callable

import structlog

from controlplane.pipelines.base import Pipeline
from controlplane.sessions.listening_clock import ListeningClock
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind, Store, Transaction
from homeport.core.node_lifecycle.brake import Brake

log = structlog.get_logger()

# A dead link shows at most this much after its limit.
_SWEEP_SECONDS = 0.5
# How many nodes are looked at before others get the event loop.
_NODES_PER_TURN = 500


class NodeLifecyclePipeline(Pipeline):
    """Statuses live in the registry; only `lost` is written down, as the node's status `lost_at` (unix seconds), since
    other records depend on it."""

    name = "node-lifecycle"
    # Time alone makes somebody silent, so it looks at its own pace, also while thousands connect.
    kinds = frozenset[Kind]()

    def __init__(self, store: Store, registry: NodeRegistry, clock: ListeningClock, wall: Callable[[], float]) -> None:
        super().__init__(store, _SWEEP_SECONDS)
        self._registry = registry
        self._clock = clock
        self._wall = wall
        self._census: dict[str, str] = {}
        self._census_seq = -1

    async def run(self) -> None:
        for node in self._store.all(Kind.NODE):
            if "lost_at" in node.status:
                self._registry.note_lost(node.id, node.status["lost_at"])
        await super().run()

    async def reconcile_once(self) -> None:
        deaf = self._clock.tick()
        if deaf:
            log.warning("the control plane itself stood still", seconds=round(deaf, 1))
        cluster_of = self._clusters()
        braked = self._registry.brake
        self._registry.tally(cluster_of)
        _report(braked, self._registry.brake)
        node_ids = list(cluster_of)
        for first in range(0, len(node_ids), _NODES_PER_TURN):
            self._registry.sweep(node_ids[first : first + _NODES_PER_TURN])
            await asyncio.sleep(0)
        await self._write_down_the_lost()

    def _clusters(self) -> dict[str, str]:
        """Of every node that has ever connected, its cluster."""
        if self._census_seq != self._store.seq:
            self._census_seq = self._store.seq
            self._census = {
                node.id: node.spec["cluster"]
                for node in self._store.all(Kind.NODE)
                if "inventory" in node.status or self._registry.get(node.id) is not None
            }
        return self._census

    async def _write_down_the_lost(self) -> None:
        lost = sorted(self._registry.lost & self._census.keys())
        unwritten = [id for id in lost if (node := self._store.get(Kind.NODE, id)) and "lost_at" not in node.status]
        if unwritten:
            now = self._wall()
            await self._store.write(lambda tx: _write_lost(tx, unwritten, now))
            log.warning("nodes lost", node_ids=unwritten[:20], count=len(unwritten))


def _write_lost(tx: Transaction, node_ids: list[str], now: float) -> None:
    for node_id in node_ids:
        node = tx.get(Kind.NODE, node_id)
        if node is not None:
            tx.put_status(Kind.NODE, node_id, {**node.status, "lost_at": now})


def _report(before: Brake, after: Brake) -> None:
    if before.engaged_at is None and after.engaged_at is not None:
        log.error("many nodes vanished at once: nobody is given up", vanished=after.vanished, nodes=after.nodes)
    elif before.engaged_at is not None and after.engaged_at is None:
        log.warning("nodes may be given up again")
