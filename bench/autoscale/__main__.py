"""A trace of requests under the agent's own policy, beside Knative's autoscaler, the shape of HPA/KEDA, and an oracle.

python -m bench.autoscale [--trace FILE] [--cold-start 30] [--nodes 4] [--json]

FILE has Azure's columns (TIMESTAMP, ContextTokens, GeneratedTokens) or arrival_seconds, context_tokens,
generated_tokens. A request takes context / 8000 + generated * 0.03 seconds, a replica takes 8 at once, the fullest with
room gets the next; one that waits for more than 2 s is a violation. Replicas are billed from the order to start them
until they have drained. Policies see counters of the past, once a second and when a request starts to wait. `homeport`
is the object that the agent runs, with the defaults that are shipped; `kpa_tuned` is the cheapest of many settings with
no more violations than allowed, chosen in hindsight. With --nodes the requests go to that many agents, each with a
policy and a budget of its own, by the gateway's choice of node.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bench.autoscale.runs import Setting, run_all
from bench.autoscale.traces import CONVERSATIONS, read


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.autoscale", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trace", type=Path, default=CONVERSATIONS)
    parser.add_argument("--cold-start", type=float, default=30.0, metavar="SECONDS")
    parser.add_argument("--slots", type=int, default=8, help="requests that a replica takes at once")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--allowed", type=float, default=1.0, metavar="PERCENT", help="violations of kpa_tuned")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.cold_start <= 0 or arguments.slots < 1 or arguments.nodes < 1:
        parser.error("--cold-start, --slots and --nodes must be above 0")
    if not arguments.trace.is_file():
        parser.error(f"--trace: there is no file {arguments.trace}")
    trace = read(arguments.trace)
    setting = Setting(trace, arguments.cold_start, arguments.slots, arguments.allowed, arguments.nodes)
    policies = run_all(setting, say=lambda name: print(f"{name} done", file=sys.stderr))
    report = {
        "trace": arguments.trace.name,
        "requests": len(trace),
        "cold_start_seconds": arguments.cold_start,
        "nodes": arguments.nodes,
        "oracle_replica_hours": policies["oracle"]["replica_hours"],
        "policies": policies,
    }
    print(json.dumps(report) if arguments.json else _table(report))


def _table(report: dict[str, Any]) -> str:
    lines = [f"{report['trace']}: {report['requests']} requests, a start takes {report['cold_start_seconds']:g} s"]
    lines.append(f"{'policy':<18}{'violations %':>14}{'replica-hours':>15}{'x oracle':>10}{'starts':>8}")
    for name, figures in report["policies"].items():
        lines.append(
            f"{name:<18}{figures['violations_percent']:>14.2f}{figures['replica_hours']:>15.2f}"
            f"{figures['times_oracle']:>10.2f}{figures.get('starts', ''):>8}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
