"""A round that makes many placements anew: of two clusters with as many nodes each, one is lost."""

import asyncio
import tempfile
import time
from typing import Any

from bench.scheduler.fleet import DRIVER, BenchFleet
from controlplane.fleet.deployments import accept_deployment
from controlplane.heap import settle
from controlplane.sessions.registry import NodeLoad, NodeRegistry
from controlplane.store.store import Kind, Transaction
from homeport.core.resources import Inventory
from homeport.schema.deployment import DeploymentSpec

_NODES = 500
_POOLS = ("left/all", "right/all")
_PER_WRITE = 500


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def measure_replan(placements: int) -> dict[str, Any]:
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder:
        fleet = BenchFleet(f"sqlite:///{folder}/homeport.db", NodeRegistry(clock))
        await fleet.store.open()
        for pool in _POOLS:
            await fleet.add_nodes(pool, [_inventory(f"{pool[:-4]}-{number}") for number in range(_NODES)])
        await fleet.add_models(placements, {"cpu_limit": "1", "cpu_memory": "1Gi"})
        await _deploy(fleet, placements)
        await fleet.pipeline.reconcile_once()
        before = _on(fleet, "left")
        clock.now += 100
        for number in range(_NODES):
            fleet.registry.heard(f"right-{number}", NodeLoad())
        fleet.registry.sweep([node.id for node in fleet.store.all(Kind.NODE)])
        settle()  # as after the start of the server
        lags: list[float] = []
        meter = asyncio.create_task(_measure_lag(lags))
        began = time.perf_counter()
        await fleet.pipeline.reconcile_once()
        seconds = time.perf_counter() - began
        meter.cancel()
        after = _on(fleet, "right")
        await fleet.store.close()
    lags.sort()
    return {
        "lost": before,
        "placed_anew": after,
        "seconds": round(seconds, 2),
        "lag_p99_ms": round(1000 * lags[len(lags) * 99 // 100], 1),
        "lag_max_ms": round(1000 * lags[-1], 1),
    }


def _inventory(name: str) -> Inventory:
    return Inventory(name, cpu_milli=64_000, memory_bytes=256 << 30, drivers=(DRIVER,))


async def _deploy(fleet: BenchFleet, count: int) -> None:
    pools = [{"id": "all", "compute_cluster": {"id": pool.partition("/")[0]}} for pool in _POOLS]
    for first in range(0, count, _PER_WRITE):
        specs = [
            DeploymentSpec.model_validate(
                {"id": f"d{number}", "worker": {"model": {"id": f"m{number}"}}, "nodepools": pools}
            )
            for number in range(first, min(count, first + _PER_WRITE))
        ]

        def write(tx: Transaction, specs: list[DeploymentSpec] = specs) -> None:
            for spec in specs:
                accept_deployment(tx, spec)

        await fleet.store.write(write)


def _on(fleet: BenchFleet, cluster: str) -> int:
    return sum(record.spec["node_id"].startswith(cluster) for record in fleet.store.all(Kind.PLACEMENT))


async def _measure_lag(lags: list[float]) -> None:
    """CPU time that others took of the loop between two of its turns."""
    while True:
        began = time.thread_time()
        await asyncio.sleep(0.001)
        lags.append(time.thread_time() - began)
