"""Memory of the host, or of the container that the agent lives in."""

from pathlib import Path

import psutil

_LIMIT = Path("/sys/fs/cgroup/memory.max")


def probe_memory(limit: Path = _LIMIT) -> int:
    """Bytes."""
    total: int = psutil.virtual_memory().total
    try:
        return min(total, int(limit.read_text()))
    except (OSError, ValueError):
        return total


def available_memory() -> int:
    """Bytes that a new process could get without swapping."""
    available: int = psutil.virtual_memory().available
    return available
