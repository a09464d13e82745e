"""What a container uses, from the engine's figures."""

from collections.abc import Mapping
from typing import Any

from agent.drivers.driver import Stats


def stats_of(figures: Mapping[str, Any]) -> Stats | None:
    """None for a container that does not run."""
    memory = figures.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    # Pages of files that the kernel would give back are no need of the model's. cgroup v1 and v2 name them differently.
    details = memory.get("stats") or {}
    reclaimable = details.get("total_inactive_file", details.get("inactive_file", 0))
    transfers = (figures.get("blkio_stats") or {}).get("io_service_bytes_recursive") or []
    return Stats(
        cpu_seconds=figures["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9,
        memory_bytes=max(0, memory["usage"] - reclaimable),
        io_bytes=sum(entry["value"] for entry in transfers if entry["op"].lower() in ("read", "write")),
    )
