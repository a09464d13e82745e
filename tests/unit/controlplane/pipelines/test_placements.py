import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from controlplane.fleet.apply import apply_documents
from controlplane.fleet.deployments import delete_deployment
from controlplane.pipelines.placements import PlacementPipeline
from controlplane.sessions.registry import NodeLoad, NodeRegistry
from controlplane.store.failing import FailingStore
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Record
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.resources import Gpu, Inventory
from homeport.schema.documents import parse_documents
from tests.fakes.clock import FakeClock
from tests.fakes.principals import ANYTHING_GOES

GIB = 2**30


class Fleet:
    """A store, agents that only say what they are told to say, and the pipeline."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FailingStore(MemoryStore(FakeClock(1.7e9)))
        self.registry = NodeRegistry(self.clock)
        numbers = itertools.count(1)
        self.pipeline = PlacementPipeline(self.store, self.registry, 3600, new_id=lambda: f"p{next(numbers)}")

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

    async def join(self, name: str, pool: str = "a", cpu: int = 8000, gpus: int = 0, epoch: int = 1) -> None:
        if self.store.get(Kind.NODE, name) is None:
            spec = {"name": name, "cluster": "office", "nodepool": pool, "hostname": name, "machine_id": name}
            await self.store.write(lambda tx: tx.create(Kind.NODE, name, spec, {"epoch": 1}))
        devices = tuple(Gpu(f"{name}-gpu{n}", "NVIDIA L4", 24 * GIB) for n in range(gpus))
        inventory = Inventory(name, cpu_milli=cpu, memory_bytes=64 * GIB, gpus=devices, drivers=("process",))
        self.registry.connected(name, epoch, inventory, "1.0")

    def pass_time(self, seconds: float, alive: str = "") -> None:
        """The nodes in `alive` go on sending heartbeats."""
        self.clock.advance(seconds)
        for name in alive.split():
            self.registry.heard(name, NodeLoad())
        self.registry.sweep([node.id for node in self.store.all(Kind.NODE)])

    async def placements(self, deployment: str) -> dict[str, tuple[int, int, int]]:
        """After a round: node -> (rank, min, max)."""
        await self.pipeline.reconcile_once()
        return {r.spec["node_id"]: (r.spec["rank"], r.spec["min_replicas"], r.spec["max_replicas"])
                for r in self.records(deployment)}  # fmt: skip

    def records(self, deployment: str) -> list[Record]:
        return [r for r in self.store.all(Kind.PLACEMENT) if r.spec["deployment_id"] == deployment]

    def status(self, deployment: str) -> dict[str, Any]:
        record = self.store.get(Kind.DEPLOYMENT, deployment)
        assert record is not None
        found: dict[str, Any] = record.status["placement"]
        return found


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    fleet = Fleet()
    await fleet.start()
    yield fleet
    await fleet.store.close()


async def test_a_deployment_is_placed_where_it_fits(fleet: Fleet) -> None:
    await fleet.join("n1")
    await fleet.join("n2", pool="b")
    await fleet.deploy("chat", low=1, high=3)
    assert await fleet.placements("chat") == {"n1": (0, 1, 3)}
    assert fleet.status("chat") == {"rejections": [], "missing_min": 0, "missing_max": 0}


async def test_a_second_round_writes_nothing(fleet: Fleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.placements("chat")
    seq = fleet.store.seq
    await fleet.pipeline.reconcile_once()
    assert fleet.store.seq == seq


async def test_without_a_node_the_status_says_what_is_missing(fleet: Fleet) -> None:
    await fleet.join("n1", cpu=1000)
    await fleet.deploy("chat", low=1, high=2)
    assert await fleet.placements("chat") == {}
    status = fleet.status("chat")
    assert (status["missing_min"], status["missing_max"]) == (1, 2)
    assert [(r["node_name"], r["filter"], r["need"], r["have"]) for r in status["rejections"]] == [
        ("n1", "cpu", "2", "1 free")
    ]


async def test_what_others_hold_at_their_maximum_is_reserved(fleet: Fleet) -> None:
    await fleet.join("n1", cpu=8000)
    await fleet.deploy("first", "m1", low=1, high=3)
    await fleet.deploy("second", "m2", low=1, high=3)
    assert await fleet.placements("first") == {"n1": (0, 1, 3)}
    assert await fleet.placements("second") == {"n1": (0, 1, 1)}
    assert fleet.status("second")["missing_max"] == 2


async def test_freed_room_is_used_in_the_same_round(fleet: Fleet) -> None:
    await fleet.join("n1", cpu=4000)
    await fleet.deploy("first", "m1", low=2, high=2)
    await fleet.deploy("second", "m2", low=1, high=1)
    assert await fleet.placements("second") == {}
    await fleet.deploy("first", "m1", low=1, high=1)
    assert await fleet.placements("second") == {"n1": (0, 1, 1)}


async def test_a_device_is_given_once_and_kept(fleet: Fleet) -> None:
    await fleet.add_model("g1", num_accelerators=1)
    await fleet.add_model("g2", num_accelerators=1)
    await fleet.join("n1", gpus=2)
    await fleet.deploy("first", "g1")
    await fleet.deploy("second", "g2")
    await fleet.pipeline.reconcile_once()
    held = [fleet.records(id)[0].spec["devices"][0]["gpu_uuid"] for id in ("first", "second")]
    assert held == ["n1-gpu0", "n1-gpu1"]
    await fleet.store.write(lambda tx: delete_deployment(tx, "first"))
    await fleet.pipeline.reconcile_once()
    assert fleet.records("second")[0].spec["devices"][0]["gpu_uuid"] == "n1-gpu1"


async def test_a_silent_node_keeps_its_placement_until_it_is_lost(fleet: Fleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    assert list(await fleet.placements("chat")) == ["n1"]
    await fleet.join("n2")
    fleet.pass_time(60, alive="n2")
    assert list(await fleet.placements("chat")) == ["n1"]
    fleet.pass_time(0.1, alive="n2")
    assert list(await fleet.placements("chat")) == ["n2"]


async def test_a_node_that_comes_back_does_not_take_it_back(fleet: Fleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.pipeline.reconcile_once()
    await fleet.join("n2")
    fleet.pass_time(61, alive="n2")
    await fleet.pipeline.reconcile_once()
    await fleet.join("n1", epoch=2)
    assert list(await fleet.placements("chat")) == ["n2"]


async def test_a_lost_node_keeps_what_has_no_other_place(fleet: Fleet) -> None:
    """Also when the control plane itself is cut off from all of them: nothing is taken from anybody."""
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.pipeline.reconcile_once()
    before = fleet.records("chat")
    fleet.pass_time(3600)
    await fleet.pipeline.reconcile_once()
    assert fleet.records("chat") == before
    assert fleet.status("chat")["missing_min"] == 1
    await fleet.join("n1", epoch=2)
    await fleet.pipeline.reconcile_once()
    assert fleet.records("chat") == before
    assert fleet.status("chat")["missing_min"] == 0


async def test_a_deleted_node_loses_its_placements(fleet: Fleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.pipeline.reconcile_once()
    await fleet.store.write(lambda tx: tx.delete(Kind.NODE, "n1"))
    assert await fleet.placements("chat") == {}


async def test_a_deleted_deployment_takes_its_placements_along(fleet: Fleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.pipeline.reconcile_once()
    await fleet.store.write(lambda tx: delete_deployment(tx, "chat"))
    assert await fleet.placements("chat") == {}
    assert fleet.store.all(Kind.REVISION) == []


async def test_a_stopped_deployment_has_no_placement_and_misses_nothing(fleet: Fleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.pipeline.reconcile_once()
    await fleet.deploy("chat", low=0, high=0)
    assert await fleet.placements("chat") == {}
    assert fleet.status("chat") == {"rejections": [], "missing_min": 0, "missing_max": 0}


async def test_a_new_revision_keeps_the_placements_id(fleet: Fleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.pipeline.reconcile_once()
    before = fleet.records("chat")[0]
    await fleet.deploy("chat", env={"A": "1"})
    await fleet.pipeline.reconcile_once()
    after = fleet.records("chat")[0]
    assert (after.id, before.spec["revision"], after.spec["revision"]) == (before.id, 1, 2)


async def test_a_better_pool_comes_first_and_the_rest_overflows(fleet: Fleet) -> None:
    await fleet.join("n1", pool="a", cpu=4000)
    await fleet.join("n2", pool="b")
    await fleet.deploy("chat", low=0, high=5, pools="ba")
    assert await fleet.placements("chat") == {"n2": (0, 0, 4), "n1": (1, 0, 1)}


async def test_a_decision_about_what_has_changed_meanwhile_is_dropped(fleet: Fleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    write = fleet.store.write

    async def changes_first(change: Any) -> Any:
        fleet.store.write = write  # type: ignore[method-assign]
        await fleet.store.write(lambda tx: delete_deployment(tx, "chat"))
        return await write(change)

    fleet.store.write = changes_first  # type: ignore[method-assign]
    await fleet.pipeline.reconcile_once()
    assert fleet.store.all(Kind.PLACEMENT) == []


async def test_a_failed_write_is_raised_and_the_next_round_mends_it(fleet: Fleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat")
    fleet.store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "full"))
    with pytest.raises(HomeportError, match="full"):
        await fleet.pipeline.reconcile_once()
    assert list(await fleet.placements("chat")) == ["n1"]


async def test_the_loop_wakes_for_deployments_and_for_nodes_but_not_for_replicas(fleet: Fleet) -> None:
    rounds = 0
    reconcile = fleet.pipeline.reconcile_once
    idle = asyncio.Event()

    async def counted() -> None:
        nonlocal rounds
        rounds += 1
        await reconcile()
        idle.set()

    async def next_round() -> int:
        await asyncio.wait_for(idle.wait(), 10)
        for _ in range(50):
            await asyncio.sleep(0)
        idle.clear()
        return rounds

    fleet.pipeline.reconcile_once = counted  # type: ignore[method-assign]
    running = asyncio.create_task(fleet.pipeline.run())
    await next_round()
    await fleet.deploy("chat")
    await next_round()
    assert fleet.status("chat")["missing_min"] == 1
    await fleet.join("n1")
    settled = await next_round()
    assert len(fleet.records("chat")) == 1
    fleet.registry.set_replicas("n1", [])
    for _ in range(50):
        await asyncio.sleep(0)
    assert rounds == settled
    running.cancel()
    await asyncio.wait([running])
    assert fleet.registry.listeners == []


async def test_a_failing_round_does_not_end_the_loop(fleet: Fleet) -> None:
    await fleet.deploy("chat")
    fleet.store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "full"))
    stream = fleet.store.changes()
    running = asyncio.create_task(fleet.pipeline.run())
    for _ in range(50):
        await asyncio.sleep(0)
    await fleet.join("n1")
    changes = await asyncio.wait_for(anext(stream), 10)
    assert changes
    while not fleet.records("chat"):
        await asyncio.wait_for(anext(stream), 10)
    running.cancel()
    await asyncio.wait([running])


async def test_planning_lets_others_run_between_deployments(fleet: Fleet) -> None:
    for number in range(5):
        await fleet.add_model(f"x{number}")
        await fleet.deploy(f"d{number}", f"x{number}")
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await fleet.pipeline.reconcile_once()
    task.cancel()
    assert turns >= 5


async def test_a_deployment_that_was_stopped_gets_its_place_back_when_it_starts(fleet: Fleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat", low=1, high=3)
    await fleet.pipeline.reconcile_once()
    await fleet.deploy("chat", low=1, high=3, state="stopped")
    assert await fleet.placements("chat") == {}
    assert fleet.status("chat") == {"rejections": [], "missing_min": 0, "missing_max": 0}
    await fleet.deploy("chat", low=1, high=3, state="running")
    assert await fleet.placements("chat") == {"n1": (0, 1, 3)}


async def test_a_cluster_that_loses_a_label_loses_what_must_reside_there(fleet: Fleet) -> None:
    await fleet.join("n1")
    await fleet.deploy("chat", residency={"region": "eu"})
    assert await fleet.placements("chat") == {}
    assert [(r["filter"], r["need"]) for r in fleet.status("chat")["rejections"]] == [("residency", "region=eu")]
    await fleet.apply({"compute_cluster": {"id": "office", "labels": {"region": "eu"}}})
    assert list(await fleet.placements("chat")) == ["n1"]
    await fleet.apply({"compute_cluster": {"id": "office", "labels": {"region": "us"}}})
    assert await fleet.placements("chat") == {}
