"""Pods of a trace arrive one by one, each is placed for good or dropped.

python -m bench.packing --nodes FILE --pods FILE [--seeds 42-51] [--rebalance PERCENT] [--json]

FILEs are those of the openb traces (sn, cpu_milli, memory_mib, gpu, model; name, cpu_milli, memory_mib, num_gpu,
gpu_milli, gpu_spec). Per seed the pods are shuffled and drawn again until they ask for 130 % of the GPUs. The figure is
the share of GPUs not allocated once the demand that has arrived reaches 75 to 130 % of capacity. Each pod is a
deployment of one replica and one call of `place`, which the control plane makes for every deployment. The mix of demand
is learned from the pods seen so far; `clairvoyant` is the same with the whole trace known beforehand. `--rebalance`
tells instead what moving so many percent of the placed pods gains.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from statistics import mean
from typing import Any

from bench.packing.rebalance import measure_rebalance
from bench.packing.replay import MARKS, measure_replay
from bench.packing.trace import DATA, read_nodes, read_pods


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--nodes", type=Path, default=DATA / "openb_node_list_gpu_node.csv")
    parser.add_argument("--pods", type=Path, default=DATA / "openb_pod_list_default.csv")
    parser.add_argument("--seeds", default="42-51", help="first-last, or one")
    parser.add_argument("--rebalance", type=float, metavar="PERCENT", help="of the placed pods that may move")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    nodes, pods = read_nodes(arguments.nodes), read_pods(arguments.pods)
    if arguments.rebalance is not None:
        gains = measure_rebalance(nodes, pods, seeds, arguments.rebalance)
        print(json.dumps({"seeds": list(seeds), "rebalance": gains}) if arguments.json else _gains(gains))
        return
    report = {
        "nodes": len(nodes),
        "pods": len(pods),
        "seeds": list(seeds),
        **_summary([measure_replay(nodes, pods, seed, learn=True) for seed in seeds]),
        "clairvoyant": _summary([measure_replay(nodes, pods, seed, learn=False) for seed in seeds]),
    }
    print(json.dumps(report) if arguments.json else _table(report))


def _summary(runs: Iterable[dict[str, Any]]) -> dict[str, Any]:
    runs = list(runs)
    return {
        "unallocated_percent": {
            str(mark): {
                "mean": round(mean(run["unallocated"][mark] for run in runs), 3),
                "per_seed": [round(run["unallocated"][mark], 3) for run in runs],
            }
            for mark in MARKS
        },
        **{
            key: round(mean(run[key] for run in runs), 3 if key.endswith("ms") else 0)
            for key in ("decisions_per_second", "p50_ms", "p99_ms")
        },
    }


def _table(report: dict[str, Any]) -> str:
    lines = [f"{report['nodes']} nodes, {report['pods']} pods, seeds {report['seeds'][0]} to {report['seeds'][-1]}"]
    lines.append(f"{'demand %':>9} {'unallocated %':>14} {'clairvoyant %':>14}")
    for mark in map(str, MARKS):
        learned, known = (side["unallocated_percent"][mark]["mean"] for side in (report, report["clairvoyant"]))
        lines.append(f"{mark:>9} {learned:>14.2f} {known:>14.2f}")
    speed = f"{report['decisions_per_second']:.0f} decisions/s, p50 {report['p50_ms']} ms, p99 {report['p99_ms']} ms"
    return "\n".join([*lines, speed])


def _gains(report: dict[str, Any]) -> str:
    lines = []
    for name, each in report.items():
        changes = [
            f"{key.removesuffix('_before')} {before} -> {each[key.replace('_before', '_after')]}"
            for key, before in each.items()
            if key.endswith("_before")
        ]
        lines.append(f"{name}: {each['moved_percent']} % moved, {', '.join(changes)}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
