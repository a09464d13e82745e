"""Cores that may be used here, and what they are."""

import os
from dataclasses import dataclass
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Cpu:
    model: str
    milli: int


def probe_cpu(quota: Path = _QUOTA, cpuinfo: Path = _CPUINFO) -> Cpu:
    """Thousandths of a core: what affinity and a container's quota leave."""
    return Cpu(_model(cpuinfo), min(len(os.sched_getaffinity(0)) * 1000, _quota_milli(quota)))


def _quota_milli(path: Path) -> int:
    """`200000 100000` = two cores. The file is at the root only inside a container."""
    try:
        limit, period = path.read_text().split()
    except (OSError, ValueError):
        return 1 << 31
    return 1 << 31 if limit == "max" else max(1, int(limit) * 1000 // int(period))


def _model(path: Path) -> str:
    """x86 names it; most Arm kernels do not."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return value.strip()
    return ""
