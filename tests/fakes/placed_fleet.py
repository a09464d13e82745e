"""A store, agents that only say what they are told to say, and the pipeline that places deployments."""

import itertools
from typing import Any

from controlplane.fleet.apply import apply_documents
from controlplane.fleet.fleet_view import FleetView
from controlplane.fleet.node_drain import drain_node
from controlplane.pipelines.placements import PlacementPipeline
from controlplane.pipelines.wakes import Wakes
from controlplane.sessions.registry import NodeLoad, NodeRegistry
from controlplane.store.changelog import KEEP
from controlplane.store.failing import FailingStore
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Record
from homeport.core.resources import Gpu, Inventory
from homeport.core.status import NodeStatus, ReplicaReport, ReplicaStatus
from homeport.schema.documents import parse_documents
from tests.fakes.clock import FakeClock
from tests.fakes.principals import ANYTHING_GOES

GIB = 2**30


class PlacedFleet:
    """Rounds happen only when `placements` is asked."""

    def __init__(self, keep_changes: int = KEEP) -> None:
        self.clock = FakeClock()
        self.wall = FakeClock(1.7e9)
        self.store = FailingStore(MemoryStore(self.wall, keep_changes))
        self._numbers = itertools.count(1)
        self.restart()

    def restart(self) -> None:
        """The control plane forgets all that agents have said."""
        self.registry = NodeRegistry(self.clock)
        self.view = FleetView(self.store, self.registry, self.wall)
        self.wakes = Wakes(self.store, self.clock)
        self.pipeline = PlacementPipeline(
            self.store,
            self.registry,
            self.view,
            self.wakes,
            poll_seconds=3600,
            new_id=lambda: f"p{next(self._numbers)}",
        )

    async def start(self) -> None:
        await self.store.open()
        await self.apply(
            {"compute_cluster": {"id": "office"}},
            {"nodepool": {"id": "a", "compute_cluster": {"id": "office"}}},
            {"nodepool": {"id": "b", "compute_cluster": {"id": "office"}}},
        )
        for model in ("m1", "m2", "m3"):
            await self.add_model(model)

    async def apply(self, *documents: dict[str, Any]) -> None:
        await apply_documents(self.store, parse_documents(documents), ANYTHING_GOES)

    async def add_model(self, id: str, version: str = "v1", **needs: Any) -> None:
        body = {
            "id": version,
            "model": {"id": id},
            "command": ["run", version],
            "inference_compute_info": {"cpu_limit": "2", "cpu_memory": "1Gi", **needs},
        }
        await self.apply({"model": {"id": id}}, {"model_version": body})

    async def deploy(
        self, id: str, model: str = "m1", low: int = 1, high: int = 1, pools: str = "a", **more: Any
    ) -> None:
        body = {
            "id": id,
            "worker": {"model": {"id": model}},
            "nodepools": [{"id": pool, "compute_cluster": {"id": "office"}} for pool in pools],
            "autoscale_config": {"min_replicas": low, "max_replicas": high},
            **more,
        }
        await self.apply({"deployment": body})

    def spec(self, deployment: str) -> dict[str, Any]:
        record = self.store.get(Kind.DEPLOYMENT, deployment)
        assert record is not None
        return record.spec

    async def join(
        self, name: str, pool: str = "a", cpu: int = 8000, gpus: int = 0, epoch: int = 1, **facts: Any
    ) -> None:
        """`facts` are what else its inventory says."""
        if self.store.get(Kind.NODE, name) is None:
            spec = {"name": name, "cluster": "office", "nodepool": pool, "hostname": name, "machine_id": name}
            await self.store.write(lambda tx: tx.create(Kind.NODE, name, spec, {"epoch": 1}))
        devices = tuple(Gpu(f"{name}-gpu{n}", "NVIDIA L4", 24 * GIB) for n in range(gpus))
        inventory = Inventory(name, cpu_milli=cpu, memory_bytes=64 * GIB, gpus=devices, drivers=("process",), **facts)
        self.registry.connected(name, epoch, inventory, "1.0")

    async def delete_node(self, name: str) -> None:
        await self.store.write(lambda tx: tx.delete(Kind.NODE, name))

    async def drain(self, name: str, deadline: float = 0, force: bool = False) -> None:
        await self.store.write(lambda tx: drain_node(tx, name, "", deadline, force))

    def pass_time(self, seconds: float, alive: str = "") -> None:
        """The nodes in `alive` go on sending heartbeats."""
        self.clock.advance(seconds)
        self.wall.advance(seconds)
        for name in alive.split():
            self.registry.heard(name, NodeLoad())
        self.registry.sweep([node.id for node in self.store.all(Kind.NODE)])

    def acknowledge(self, *names: str) -> None:
        """All that was written until now; without names, whoever is heard does."""
        for name in names or [node.id for node in self.store.all(Kind.NODE)]:
            live = self.registry.get(name)
            if live is not None and (names or self.registry.status(name) is NodeStatus.READY):
                self.registry.acknowledged(name, self.store.seq)

    async def placements(self, deployment: str) -> dict[str, tuple[int, int, int]]:
        """After a round, and another one where acknowledgements let somebody have more."""
        await self.pipeline.reconcile_once()
        self.acknowledge()
        if self.status(deployment)["unacked"]:
            await self.pipeline.reconcile_once()
        return self.placed(deployment)

    def placed(self, deployment: str) -> dict[str, tuple[int, int, int]]:
        """Node -> (rank, min, max), without nodes that others took over from."""
        return {r.spec["node_id"]: (r.spec["rank"], r.spec["min_replicas"], r.spec["max_replicas"])
                for r in self.records(deployment) if not r.spec.get("replaced")}  # fmt: skip

    def replaced(self, deployment: str) -> list[str]:
        return [r.spec["node_id"] for r in self.records(deployment) if r.spec.get("replaced")]

    def runs(self, node: str, *replicas: str, deployment: str = "chat", since: float = 0.0) -> None:
        """What the agent says that it runs: a status each, as `ready`."""
        reports = [
            ReplicaReport(f"{node}-{number}", "", deployment, 1, ReplicaStatus(status), since=since)
            for number, status in enumerate(replicas)
        ]
        self.registry.set_replicas(node, reports, all_of_them=True)

    def nodes(self) -> list[Record]:
        return self.store.all(Kind.NODE)

    def records(self, deployment: str) -> list[Record]:
        return [r for r in self.store.all(Kind.PLACEMENT) if r.spec["deployment_id"] == deployment]

    def missing(self, deployment: str) -> dict[str, Any]:
        """Its status without what went before."""
        return {key: value for key, value in self.status(deployment).items() if key != "events"}

    def status(self, deployment: str) -> dict[str, Any]:
        record = self.store.get(Kind.DEPLOYMENT, deployment)
        assert record is not None
        found: dict[str, Any] = record.status["placement"]
        return found
