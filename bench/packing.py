"""How much of a GPU fleet finds no use: pods of a trace arrive one by one, each is placed for good or dropped.

python -m bench.packing --nodes FILE --pods FILE [--seeds 42-51] [--json]

FILEs are those of the openb traces (sn, cpu_milli, memory_mib, gpu, model; name, cpu_milli, memory_mib, num_gpu,
gpu_milli, gpu_spec). Per seed the pods are shuffled and drawn again until they ask for 130 % of the GPUs. The figure is
the share of GPUs not allocated once the demand that has arrived reaches 75 to 130 % of capacity. Each pod is a
deployment of one replica and one call of `place`, which the control plane makes for every deployment. The mix of demand
is learned from the pods seen so far; `clairvoyant` is the same with the whole trace known beforehand.
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

from homeport.core.packing.shape import WHOLE
from homeport.core.placement.filter import shape_of
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.place import place
from homeport.core.placement.types import Candidate, Wanted
from homeport.core.policy import Scaling
from homeport.core.resources import ComputeNeeds, Gpu, Inventory
from homeport.core.status import NodeStatus

_MARKS = (75, 80, 85, 90, 95, 100, 105, 110, 115, 120, 130)
_MIB = 1 << 20
_DRIVER = "simulated"
_POOL = "openb/all"
DATA = Path(__file__).parents[2] / "shared" / "data" / "openb"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--nodes", type=Path, default=DATA / "openb_node_list_gpu_node.csv")
    parser.add_argument("--pods", type=Path, default=DATA / "openb_pod_list_default.csv")
    parser.add_argument("--seeds", default="42-51", help="first-last, or one")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    nodes, pods = read_nodes(arguments.nodes), read_pods(arguments.pods)
    report = {
        "nodes": len(nodes),
        "pods": len(pods),
        "seeds": list(seeds),
        **_summary([replay(nodes, pods, seed, learn=True) for seed in seeds]),
        "clairvoyant": _summary([replay(nodes, pods, seed, learn=False) for seed in seeds]),
    }
    print(json.dumps(report) if arguments.json else _table(report))


def read_nodes(path: Path) -> list[Inventory]:
    with path.open() as file:
        return [
            Inventory(
                row["sn"],
                cpu_milli=int(row["cpu_milli"]),
                memory_bytes=int(row["memory_mib"]) * _MIB,
                gpus=tuple(Gpu(f"{row['sn']}-{index}", row["model"], 0) for index in range(int(row["gpu"]))),
                drivers=(_DRIVER,),
            )
            for row in csv.DictReader(file)
        ]


def read_pods(path: Path) -> list[ComputeNeeds]:
    """In the order of their names."""
    with path.open() as file:
        return [_needs(row) for row in sorted(csv.DictReader(file), key=lambda row: row["name"])]


def _needs(row: dict[str, str]) -> ComputeNeeds:
    devices = int(row["num_gpu"])
    return ComputeNeeds(
        cpu_milli=int(row["cpu_milli"]),
        memory_bytes=int(row["memory_mib"]) * _MIB,
        accelerators=devices,
        accelerator_milli=int(row["gpu_milli"]) if devices else WHOLE,
        accelerator_types=tuple(row["gpu_spec"].split("|")) if row["gpu_spec"] else (),
    )


def _demand(needs: ComputeNeeds) -> int:
    return needs.accelerators * needs.accelerator_milli


def _arrivals(pods: Sequence[ComputeNeeds], capacity: int, rng: random.Random) -> list[ComputeNeeds]:
    arriving = list(pods)
    rng.shuffle(arriving)
    left = 1.3 * capacity - sum(map(_demand, arriving))
    while left > 0:
        needs = rng.choice(pods)
        arriving.append(needs)
        left -= _demand(needs)
    return arriving


def replay(nodes: Sequence[Inventory], pods: Sequence[ComputeNeeds], seed: int, learn: bool) -> dict[str, Any]:
    """Nodes are named in an order of the seed's own: it decides between equals."""
    rng = random.Random(seed)
    order = list(nodes)
    rng.shuffle(order)
    fleet = Fleet()
    for number, inventory in enumerate(order):
        node_id = f"{number:05}-{inventory.hostname}"
        fleet.put(Candidate(node_id, inventory.hostname, _POOL, NodeStatus.READY, inventory))
    capacity = WHOLE * sum(len(node.gpus) for node in nodes)
    arriving = _arrivals(pods, capacity, rng)
    deployments = [
        Wanted(f"pod-{number}", _DRIVER, needs, Scaling(), ((_POOL,),)) for number, needs in enumerate(arriving)
    ]
    if not learn:
        for number, needs in enumerate(pods):
            fleet.ask(f"known-{number}", shape_of(needs), replicas=1)
    marks = list(_MARKS)
    unallocated: dict[int, float] = {}
    seconds: list[float] = []
    arrived = allocated = 0
    for wanted in deployments:
        begin = time.perf_counter()
        plan = place(wanted, fleet)
        seconds.append(time.perf_counter() - begin)
        demand = _demand(wanted.needs)
        arrived += demand
        allocated += demand if plan.budgets else 0
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
