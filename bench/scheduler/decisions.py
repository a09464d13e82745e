"""Decisions of `place` alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.packing.replay import measure_replay
from bench.packing.trace import read_nodes, read_pods


def measure_decisions(nodes_file: Path, pods_file: Path, copies: int) -> dict[str, Any]:
    nodes = [
        replace(
            node,
            hostname=f"{node.hostname}-{copy}",
            gpus=tuple(replace(gpu, uuid=f"{gpu.uuid}-{copy}") for gpu in node.gpus),
        )
        for copy in range(copies)
        for node in read_nodes(nodes_file)
    ]
    run = measure_replay(nodes, read_pods(pods_file) * copies, seed=42, learn=True)
    return {
        "nodes": len(nodes),
        "per_second": round(run["decisions_per_second"]),
        "p50_ms": round(run["p50_ms"], 3),
        "p99_ms": round(run["p99_ms"], 3),
        "unallocated_percent": round(run["unallocated"][100], 2),
    }
