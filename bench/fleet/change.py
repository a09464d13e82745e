"""One change of policy that concerns every node, and how long it takes until each has heard of it."""

import time
from typing import Any

from bench.fleet.control_plane import ControlPlane
from bench.fleet.drivers import Drivers
from bench.fleet.enrolled import CLUSTER, NODEPOOL

DEPLOYMENT = "everywhere"
_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.5
# For what follows from the placements by itself.
_QUIET_SECONDS = 5.0


def measure_change(server: ControlPlane, drivers: Drivers, nodes: int) -> dict[str, Any]:
    """A deployment with room on each node is placed, then edited once."""
    drivers.seen()
    began = time.time()
    server.ask("POST", "apply", {"documents": documents(nodes)})
    placed = _heard(drivers, nodes)
    time.sleep(_QUIET_SECONDS)
    drivers.seen()
    edited = time.time()
    server.ask("PATCH", f"deployments/{DEPLOYMENT}?force=true", {"spec": {"hold_seconds": 77}})
    delays = [at - edited for at in _heard(drivers, nodes)]
    return {
        "nodes_placed_on": len(placed),
        "placed_s": round(placed[-1] - began, 1),
        "nodes_told_of_change": len(delays),
        "change_p50_ms": round(delays[len(delays) // 2] * 1000),
        "change_p99_ms": round(delays[len(delays) * 99 // 100] * 1000),
    }


def _heard(drivers: Drivers, nodes: int) -> list[float]:
    """When nodes heard of a change, in order (unix seconds); of all, unless patience ends before that."""
    heard: list[float] = []
    end = time.monotonic() + _PATIENCE_SECONDS
    while len(heard) < nodes and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
        heard += [at for times in drivers.seen().changes.values() for at in times]
    if not heard:
        raise SystemExit(f"no node has heard of a change within {_PATIENCE_SECONDS:.0f} s")
    return sorted(heard)


def documents(nodes: int, least: int = 0) -> list[dict[str, Any]]:
    """A deployment with room on each of the nodes, and at least so many replicas."""
    version = {"id": "v1", "model": {"id": "small"}, "driver": "process", "command": ["serve"]}
    deployment = {
        "id": DEPLOYMENT,
        "worker": {"model": {"id": "small"}},
        "nodepools": [{"id": NODEPOOL, "compute_cluster": {"id": CLUSTER}}],
        "scheduling_choice": "PERFORMANCE",
        "autoscale_config": {"min_replicas": least, "max_replicas": nodes, "disable_packing": True},
    }
    return [{"model": {"id": "small"}}, {"model_version": version}, {"deployment": deployment}]
