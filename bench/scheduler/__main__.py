"""How fast the scheduler decides, and how fast a decision reaches its agent.

python -m bench.scheduler [--nodes FILE] [--pods FILE] [--copies 1,8] [--deployments 3000] [--placements 10000] [--json]

`decisions`: the openb replay of bench.packing (seed 42), on so many copies of its nodes. `end_to_end`: 16 clients, each
of whose POSTs makes a deployment that is durable, placed, and handed to the session of its node. `replan`: as many
placements are made anew after the loss of one of two clusters, in one round of the pipeline; loop lag is CPU time.
"""

import argparse
import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import structlog

from bench.packing.trace import DATA
from bench.scheduler.decisions import measure_decisions
from bench.scheduler.end_to_end import measure_end_to_end
from bench.scheduler.replan import measure_replan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--nodes", type=Path, default=DATA / "openb_node_list_gpu_node.csv")
    parser.add_argument("--pods", type=Path, default=DATA / "openb_pod_list_default.csv")
    parser.add_argument("--copies", default="1,8")
    parser.add_argument("--deployments", type=int, default=3000)
    parser.add_argument("--placements", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    report: dict[str, Any] = {
        "decisions": [
            measure_decisions(arguments.nodes, arguments.pods, int(copies)) for copies in arguments.copies.split(",")
        ],
        "end_to_end": measure_end_to_end(arguments.nodes, arguments.deployments),
        "replan": asyncio.run(measure_replan(arguments.placements)),
    }
    print(json.dumps(report) if arguments.json else _table(report))


def _table(report: dict[str, Any]) -> str:
    rows = [(f"decisions at {each['nodes']} nodes", each) for each in report["decisions"]]
    rows += [("end to end", report["end_to_end"]), ("replan", report["replan"])]
    return "\n".join(f"{name:24} " + "  ".join(f"{key} {value}" for key, value in row.items()) for name, row in rows)


if __name__ == "__main__":
    main()
