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


def available_memory(cgroup: Path = _LIMIT.parent) -> int:
    """Bytes that a new process could get without swapping."""
    available: int = psutil.virtual_memory().available
    try:
        left = int((cgroup / "memory.max").read_text()) - int((cgroup / "memory.current").read_text())
        counts = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        return max(0, min(available, left + int(counts["inactive_file"])))
    except (OSError, ValueError, KeyError):
        return available
