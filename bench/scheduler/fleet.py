"""A control plane's insides without its ports: store, registry, sessions that only count, the placement pipeline."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from homeport_proto.v1 import session_pb2 as pb

from controlplane.fleet.fleet_view import FleetView
from controlplane.fleet.specs import DeploymentSpecs
from controlplane.pipelines.placements import PlacementPipeline
from controlplane.pipelines.wakes import Wakes
from controlplane.sessions.desired_state import DesiredStates
from controlplane.sessions.registry import NodeRegistry
from controlplane.sessions.sessions import OpenSession, Sessions
from controlplane.store.sql import SqlStore
from controlplane.store.store import Kind, Transaction
from homeport.core.node_identity import Shown
from homeport.core.resources import Inventory

DRIVER = "process"
_PER_WRITE = 2000


class _Agent:
    """Counts the placements that it is given, and keeps nothing."""

    def __init__(self) -> None:
        self.placements = 0
        self.on_placement: Callable[[], None] = lambda: None

    def post(self, message: pb.ControlMessage) -> None:
        self.placements += len(message.desired_state.placements)
        self.on_placement()

    def leave(self, patience_seconds: float) -> None:
        """It stays."""


class BenchFleet:
    def __init__(self, url: str, registry: NodeRegistry) -> None:
        self.store = SqlStore(url)
        self.registry = registry
        specs = DeploymentSpecs()
        self.view = FleetView(self.store, registry, specs=specs)
        self.pipeline = PlacementPipeline(self.store, registry, self.view, Wakes(self.store, time.monotonic), 60)
        self.sessions = Sessions(self.store, DesiredStates(self.store, specs=specs))
        self._agents: list[_Agent] = []
        self._told_more = asyncio.Event()

    async def add_nodes(self, nodepool: str, inventories: Sequence[Inventory]) -> None:
        """`nodepool` is `cluster/nodepool`; both are made."""
        cluster, pool = nodepool.split("/")

        def write(tx: Transaction) -> None:
            tx.create(Kind.CLUSTER, cluster, {"id": cluster})
            tx.create(Kind.NODEPOOL, nodepool, {"id": pool, "compute_cluster": {"id": cluster}})
            for inventory in inventories:
                facts = {"name": inventory.hostname, "hostname": inventory.hostname}
                spec = {**facts, "cluster": cluster, "nodepool": pool}
                tx.create(Kind.NODE, inventory.hostname, spec, {"epoch": 1})

        await self.store.write(write)
        for inventory in inventories:
            self.registry.connected(inventory.hostname, 1, inventory, "bench")
            agent = _Agent()
            shown = Shown(inventory.hostname, "", 0.0, 0.0)
            self.sessions.open(OpenSession(inventory.hostname, 1, shown, agent.post, agent.leave))
            self._agents.append(agent)

    async def add_models(self, count: int, needs: dict[str, Any]) -> None:
        def write(numbers: range, tx: Transaction) -> None:
            for number in numbers:
                id = f"m{number}"
                version = {"id": "v1", "model": {"id": id}, "driver": DRIVER, "command": ["serve"]}
                tx.create(Kind.MODEL, id, {"id": id})
                tx.create(Kind.MODEL_VERSION, f"{id}/v1", {**version, "inference_compute_info": needs})

        for first in range(0, count, _PER_WRITE):
            await self.store.write(partial(write, range(first, min(count, first + _PER_WRITE))))

    async def all_told(self, count: int) -> None:
        """Until so many placements were handed over."""
        for agent in self._agents:
            agent.on_placement = self._told_more.set
        while self.told() < count:
            self._told_more.clear()
            await self._told_more.wait()

    def told(self) -> int:
        """Placements that were handed to the sessions of their nodes so far."""
        return sum(agent.placements for agent in self._agents)
