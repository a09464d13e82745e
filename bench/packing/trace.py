"""The openb traces: nodes (sn, cpu_milli, memory_mib, gpu, model) and pods (name, cpu_milli, memory_mib, num_gpu,
gpu_milli, gpu_spec)."""

import csv
import random
from collections.abc import Sequence
from pathlib import Path

from homeport.core.packing.shape import WHOLE
from homeport.core.resources import ComputeNeeds, Gpu, Inventory

DRIVER = "simulated"
DATA = Path(__file__).parents[3] / "shared" / "data" / "openb"
_MIB = 1 << 20


def read_nodes(path: Path) -> list[Inventory]:
    with path.open() as file:
        return [
            Inventory(
                row["sn"],
                cpu_milli=int(row["cpu_milli"]),
                memory_bytes=int(row["memory_mib"]) * _MIB,
                gpus=tuple(Gpu(f"{row['sn']}-{index}", row["model"], 0) for index in range(int(row["gpu"]))),
                drivers=(DRIVER,),
            )
            for row in csv.DictReader(file)
        ]


def read_pods(path: Path) -> list[ComputeNeeds]:
    """In the order of their names."""
    with path.open() as file:
        return [_needs(row) for row in sorted(csv.DictReader(file), key=lambda row: row["name"])]


def demand(needs: ComputeNeeds) -> int:
    """Milli of devices."""
    return needs.accelerators * needs.accelerator_milli


def arrivals(pods: Sequence[ComputeNeeds], capacity: int, rng: random.Random) -> list[ComputeNeeds]:
    """All of them in any order, then some again, until they ask for 130 % of `capacity`, milli of devices."""
    arriving = list(pods)
    rng.shuffle(arriving)
    left = 1.3 * capacity - sum(map(demand, arriving))
    while left > 0:
        needs = rng.choice(pods)
        arriving.append(needs)
        left -= demand(needs)
    return arriving


def _needs(row: dict[str, str]) -> ComputeNeeds:
    devices = int(row["num_gpu"])
    return ComputeNeeds(
        cpu_milli=int(row["cpu_milli"]),
        memory_bytes=int(row["memory_mib"]) * _MIB,
        accelerators=devices,
        accelerator_milli=int(row["gpu_milli"]) if devices else WHOLE,
        accelerator_types=tuple(row["gpu_spec"].split("|")) if row["gpu_spec"] else (),
    )
