"""Our gateway beside others, in one interleaved run on loopback: TLS in the tunnel, token check and routing on.

python -m bench.gateway [--json] [--seconds 2] [--rounds 3] [--connections 1,16,128] [--streams 1000] [--rates 10,20]
                        [--soak 0] [--pairs 2] [--no-nginx] [--peer name=http://127.0.0.1:9000/path]

Contenders take turns at each workload, and a figure is the median of the rounds. CPU is user + system time of a process
per request (per event of the streams). Delays of events are from the model server's write to the client's read. `x2`:
two gateways with an agent each share the requests. --soak sends so many small requests afterwards, and tells how
resident memory moves.
"""

import argparse
import contextlib
import json
import resource
from collections.abc import Iterator
from statistics import median
from typing import Any

from bench.dataplane.stage import Stage, post
from bench.gateway.contenders import Contender, contenders
from bench.gateway.nginx import Nginx
from bench.gateway.workloads import Workload, measure, resident, workloads

_FIGURES = ("rps", "p50_ms", "p99_ms", "first_byte_ms", "worst_gap_ms")
_SOAK_PIECES = 5


def main() -> None:
    arguments = _arguments()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    works = workloads(arguments.seconds, arguments.connections, arguments.streams, arguments.rates)
    with contextlib.ExitStack() as stack:
        stage = Stage(arguments.pairs)
        stack.callback(stage.close)
        nginx = None
        if not arguments.no_nginx:
            nginx = Nginx(stage.directory, stage.ports["direct"][0])
            stack.callback(nginx.stop)
        field = contenders(stage, nginx, arguments.peer)
        rows = [row for work in works for row in _side_by_side(stage, field, work, arguments.rounds)]
        report = {"rows": rows, "resident_mib": resident(stage)}
        if arguments.soak:
            report["soak"] = list(_soak(stage, arguments.soak))
    print(json.dumps(report) if arguments.json else _table(report))


def _side_by_side(stage: Stage, field: list[Contender], work: Workload, rounds: int) -> Iterator[dict[str, Any]]:
    runs: dict[str, list[dict[str, float]]] = {contender.name: [] for contender in field}
    for _ in range(rounds):
        for contender in field:
            runs[contender.name].append(measure(stage, contender, work))
    for name, figures in runs.items():
        keys = [key for key in figures[0] if key in _FIGURES or key.startswith("cpu_us_")]
        medians = {key: round(median(run[key] for run in figures), 3) for key in keys}
        yield {"workload": work.name, "connections": work.connections, "contender": name, **medians}


def _soak(stage: Stage, requests: int) -> Iterator[dict[str, Any]]:
    """Resident memory after each part of the requests."""
    request, sent = post("/d/bench/x", b"{}"), 0
    for part in range(1, _SOAK_PIECES + 1):
        while sent < requests * part // _SOAK_PIECES:
            job = {"ports": stage.ports["gateway"][:1], "connections": 64, "seconds": 2.0}
            sent += int(stage.ask(request, job)["requests"])
        yield {"requests": sent, **resident(stage)}


def _table(report: dict[str, Any]) -> str:
    lines = [
        f"{'workload':12} {'at once':>7} {'contender':12} {'per second':>10} {'p50 ms':>8} {'p99 ms':>8}"
        f" {'first ms':>8} {'worst gap':>9}  CPU us each"
    ]
    for row in report["rows"]:
        gap = f"{row['worst_gap_ms']:9.1f}" if "worst_gap_ms" in row else " " * 9
        cpu = {key.removeprefix("cpu_us_"): value for key, value in row.items() if key.startswith("cpu_us_")}
        spent = " + ".join(f"{name} {value:.1f}" for name, value in cpu.items())
        lines.append(
            f"{row['workload']:12} {row['connections']:7} {row['contender']:12} {row['rps']:10.0f} {row['p50_ms']:8.2f}"
            f" {row['p99_ms']:8.2f} {row['first_byte_ms']:8.2f} {gap}  {spent}"
            + (f" = {sum(cpu.values()):.1f}" if len(cpu) > 1 else "")
        )
    lines.append(f"resident MiB: {report['resident_mib']}")
    lines += [f"after {each['requests']} requests: {each}" for each in report.get("soak", [])]
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=_numbers, default=[1, 16, 128], help="comma separated")
    parser.add_argument("--streams", type=_numbers, default=[1000], help="comma separated")
    parser.add_argument("--rates", type=_numbers, default=[10, 20], help="events a second of a stream, comma separated")
    parser.add_argument("--soak", type=int, default=0, help="requests to send afterwards, for memory")
    parser.add_argument("--pairs", type=int, default=2, help="gateways with an agent each that are compared with one")
    parser.add_argument("--no-nginx", action="store_true")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=URL")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


if __name__ == "__main__":
    main()
