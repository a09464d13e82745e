"""One change of policy that concerns every node, and how long it takes until each has heard of it."""

import time
from typing import Any

from bench.fleet.control_plane import ControlPlane
from bench.fleet.drivers import Drivers
from bench.fleet.enrolled import CLUSTER, NODEPOOL

_PATIENCE_SECONDS = 300.0
_LOOK_SECONDS = 0.5
# For what follows from the placements by itself.
_QUIET_SECONDS = 5.0


def measure_change(server: ControlPlane, drivers: Drivers, nodes: int) -> dict[str, Any]:
    """A deployment with room on each node is placed, then edited once."""
    drivers.seen()
    began = time.time()
    server.ask("POST", "apply", {"documents": _documents(nodes)})
    placed = _heard_by_all(drivers, nodes)
    time.sleep(_QUIET_SECONDS)
    drivers.seen()
    edited = time.time()
    server.ask("PATCH", "deployments/everywhere?force=true", {"spec": {"hold_seconds": 77}})
    delays = sorted(at - edited for at in _heard_by_all(drivers, nodes))
    return {
        "placed_everywhere_s": round(max(placed) - began, 1),
        "change_p50_ms": round(delays[len(delays) // 2] * 1000),
        "change_p99_ms": round(delays[len(delays) * 99 // 100] * 1000),
    }


def _heard_by_all(drivers: Drivers, nodes: int) -> list[float]:
    """Unix seconds, one for each node."""
    heard: list[float] = []
    began = time.monotonic()
    while len(heard) < nodes:
        if time.monotonic() - began > _PATIENCE_SECONDS:
            raise SystemExit(f"{len(heard)} of {nodes} nodes have heard of the change after {_PATIENCE_SECONDS:.0f} s")
        time.sleep(_LOOK_SECONDS)
        heard += [at for times in drivers.seen().changes.values() for at in times]
    return heard


def _documents(nodes: int) -> list[dict[str, Any]]:
    version = {"id": "v1", "model": {"id": "small"}, "driver": "process", "command": ["serve"]}
    deployment = {
        "id": "everywhere",
        "worker": {"model": {"id": "small"}},
        "nodepools": [{"id": NODEPOOL, "compute_cluster": {"id": CLUSTER}}],
        "scheduling_choice": "PERFORMANCE",
        "autoscale_config": {"min_replicas": 0, "max_replicas": nodes, "disable_packing": True},
    }
    return [{"model": {"id": "small"}}, {"model_version": version}, {"deployment": deployment}]
