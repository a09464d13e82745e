"""The disk that holds the agent's state."""

from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes; `free` is what an ordinary user may fill."""

    total: int
    free: int


def probe_disk(path: Path) -> Disk:
    usage = psutil.disk_usage(str(path))
    return Disk(usage.total, usage.free)
