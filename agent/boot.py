"""Which boot of the host this is, and how long ago it was: the only clock that a wrong wall clock can't spoil."""

import time
from pathlib import Path


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def uptime_seconds() -> float:
    """Since boot, suspend included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
