"""How much of a GPU fleet finds no use: pods of a trace arrive one by one, each is placed for good or dropped.

python -m bench.packing --nodes FILE --pods FILE [--seeds 42-51] [--json]

FILEs are those of the openb traces (sn, cpu_milli, memory_mib, gpu, model; name, cpu_milli, memory_mib, num_gpu,
gpu_milli, gpu_spec). Per seed the pods are shuffled and drawn again until they ask for 130 % of the GPUs. The figure is
the share of GPUs not allocated once the demand that has arrived reaches 75 to 130 % of capacity. The mix of demand is
learned from the pods seen so far; `clairvoyant` is the same with the whole trace known beforehand.
"""

import argparse
import csv
import json
import random
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from homeport.core.packing.capacity import NodeCapacity
from homeport.core.packing.mix import SeenShapes
from homeport.core.packing.packer import Packer
from homeport.core.packing.shape import WHOLE, DeviceClass, Shape

_MARKS = (75, 80, 85, 90, 95, 100, 105, 110, 115, 120, 130)
_MIB = 1 << 20
_DATA = Path(__file__).parents[2] / "shared" / "data" / "openb"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--nodes", type=Path, default=_DATA / "openb_node_list_gpu_node.csv")
    parser.add_argument("--pods", type=Path, default=_DATA / "openb_pod_list_default.csv")
    parser.add_argument("--seeds", default="42-51", help="first-last, or one")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    nodes, pods = _nodes(arguments.nodes), _pods(arguments.pods)
    report = {
        "nodes": len(nodes),
        "pods": len(pods),
        "seeds": list(seeds),
        **_summary([_replay(nodes, pods, seed, learn=True) for seed in seeds]),
        "clairvoyant": _summary([_replay(nodes, pods, seed, learn=False) for seed in seeds]),
    }
    print(json.dumps(report) if arguments.json else _table(report))


def _nodes(path: Path) -> list[NodeCapacity]:
    with path.open() as file:
        return [
            NodeCapacity(
                row["sn"],
                int(row["cpu_milli"]),
                int(row["memory_mib"]) * _MIB,
                (DeviceClass(row["model"]),) * int(row["gpu"]),
            )
            for row in csv.DictReader(file)
        ]


def _pods(path: Path) -> list[Shape]:
    """In the order of their names."""
    with path.open() as file:
        return [_shape(row) for row in sorted(csv.DictReader(file), key=lambda row: row["name"])]


def _shape(row: dict[str, str]) -> Shape:
    devices = int(row["num_gpu"])
    return Shape(
        cpu_milli=int(row["cpu_milli"]),
        memory_bytes=int(row["memory_mib"]) * _MIB,
        devices=devices,
        compute_milli=int(row["gpu_milli"]) if devices else WHOLE,
        types=tuple(row["gpu_spec"].split("|")) if row["gpu_spec"] else (),
    )


def _demand(shape: Shape) -> int:
    return shape.devices * shape.compute_milli


def _arrivals(pods: Sequence[Shape], capacity: int, rng: random.Random) -> list[Shape]:
    arriving = list(pods)
    rng.shuffle(arriving)
    left = 1.3 * capacity - sum(map(_demand, arriving))
    while left > 0:
        shape = rng.choice(pods)
        arriving.append(shape)
        left -= _demand(shape)
    return arriving


def _replay(nodes: Sequence[NodeCapacity], pods: Sequence[Shape], seed: int, learn: bool) -> dict[str, Any]:
    """Nodes come in an order of the seed's own, which stays: it decides between equals."""
    rng = random.Random(seed)
    order = list(nodes)
    rng.shuffle(order)
    capacity = WHOLE * sum(len(node.devices) for node in nodes)
    arriving = _arrivals(pods, capacity, rng)
    packer = Packer(order, SeenShapes(() if learn else pods), learn)
    marks = list(_MARKS)
    unallocated: dict[int, float] = {}
    seconds: list[float] = []
    arrived = allocated = 0
    for shape in arriving:
        begin = time.perf_counter()
        spot = packer.place(shape)
        seconds.append(time.perf_counter() - begin)
        arrived += _demand(shape)
        allocated += _demand(shape) if spot else 0
        while marks and arrived * 100 >= marks[0] * capacity:
            unallocated[marks.pop(0)] = 100 * (1 - allocated / capacity)
    unallocated |= dict.fromkeys(marks, 100 * (1 - allocated / capacity))
    seconds.sort()
    return {
        "unallocated": unallocated,
        "decisions_per_second": len(seconds) / sum(seconds),
        "p50_ms": 1000 * seconds[len(seconds) // 2],
        "p99_ms": 1000 * seconds[len(seconds) * 99 // 100],
    }


def _summary(runs: Iterable[dict[str, Any]]) -> dict[str, Any]:
    runs = list(runs)
    return {
        "unallocated_percent": {
            str(mark): {
                "mean": round(mean(run["unallocated"][mark] for run in runs), 3),
                "per_seed": [round(run["unallocated"][mark], 3) for run in runs],
            }
            for mark in _MARKS
        },
        **{
            key: round(mean(run[key] for run in runs), 3 if key.endswith("ms") else 0)
            for key in ("decisions_per_second", "p50_ms", "p99_ms")
        },
    }


def _table(report: dict[str, Any]) -> str:
    lines = [f"{report['nodes']} nodes, {report['pods']} pods, seeds {report['seeds'][0]} to {report['seeds'][-1]}"]
    lines.append(f"{'demand %':>9} {'unallocated %':>14} {'clairvoyant %':>14}")
    for mark in map(str, _MARKS):
        learned, known = (side["unallocated_percent"][mark]["mean"] for side in (report, report["clairvoyant"]))
        lines.append(f"{mark:>9} {learned:>14.2f} {known:>14.2f}")
    speed = f"{report['decisions_per_second']:.0f} decisions/s, p50 {report['p50_ms']} ms, p99 {report['p99_ms']} ms"
    return "\n".join([*lines, speed])


if __name__ == "__main__":
    main()
