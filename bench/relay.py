"""What the way through gateway, tunnel and agent costs: TLS and token check on, 1 KiB POST bodies.

python -m bench.relay [--json] [--seconds 3] [--rounds 3] [--connections 1,16,128]

Runs straight to the model server and through the gateway take turns; each figure is the median of the rounds.
`direct` and `path` are POST /x and /d/bench/x, `body` is POST /v1/chat/completions, routed by its `model`. CPU is
user + system time of the process per request.
"""

import argparse
import json
from statistics import median
from typing import Any

from bench.dataplane.stage import Stage, post

_FIGURES = ("rps", "p50_ms", "p99_ms", "cpu_us_gateway", "cpu_us_agent")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", default="1,16,128", help="comma separated")
    arguments = parser.parse_args()
    counts = [int(count) for count in arguments.connections.split(",")]
    stage = Stage()
    try:
        detail = [_compare(stage, count, arguments.seconds, arguments.rounds) for count in counts]
        first_token = _first_token(stage, arguments.seconds, arguments.rounds)
    finally:
        stage.close()
    report = _report(detail, first_token)
    print(json.dumps(report) if arguments.json else _table(report))


def _compare(stage: Stage, connections: int, seconds: float, rounds: int) -> dict[str, Any]:
    body = json.dumps({"model": "bench", "messages": [{"role": "user", "content": "x" * 955}]}).encode()
    ways = {
        "direct": ("direct", post("/x", body)),
        "path": ("gateway", post("/d/bench/x", body)),
        "body": ("gateway", post("/v1/chat/completions", body)),
    }
    for port, request in ways.values():
        stage.measure(port, request, connections, 0.3)
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, (port, request) in ways.items():
            runs[way].append(stage.measure(port, request, connections, seconds))
    medians = {way: {key: round(median(run[key] for run in runs[way]), 3) for key in _FIGURES} for way in ways}
    for key in ("cpu_us_gateway", "cpu_us_agent"):
        del medians["direct"][key]
    return {"connections": connections, "body_bytes": len(body), **medians}


def _first_token(stage: Stage, seconds: float, rounds: int) -> dict[str, float]:
    """Milliseconds from the request to the first byte of its event stream, one stream at a time."""
    request = post("/stream", b"{}"), post("/d/bench/stream", b"{}")
    direct, through = [], []
    for _ in range(rounds):
        direct.append(stage.measure("direct", request[0], 1, seconds / 2)["first_byte_ms"])
        through.append(stage.measure("gateway", request[1], 1, seconds / 2)["first_byte_ms"])
    return {"ttft_ms_direct": round(median(direct), 3), "ttft_ms": round(median(through), 3)}


def _report(detail: list[dict[str, Any]], first_token: dict[str, float]) -> dict[str, Any]:
    most = max(detail, key=lambda row: row["connections"])
    report: dict[str, Any] = {"connections": most["connections"], **most["body"], **first_token}
    for row in detail:
        if row["connections"] == 1:
            report["p50_added_ms_1"] = round(row["body"]["p50_ms"] - row["direct"]["p50_ms"], 3)
    return report | {"detail": detail}


def _table(report: dict[str, Any]) -> str:
    lines = [f"{'connections':>11} {'way':>7} {'req/s':>9} {'p50 ms':>8} {'p99 ms':>8} {'CPU us gateway + agent':>23}"]
    for row in report["detail"]:
        for way in ("direct", "path", "body"):
            run = row[way]
            cpu = ""
            if "cpu_us_gateway" in run:
                both = run["cpu_us_gateway"] + run["cpu_us_agent"]
                cpu = f"{run['cpu_us_gateway']:.1f} + {run['cpu_us_agent']:.1f} = {both:.1f}"
            times = f"{run['rps']:>9.0f} {run['p50_ms']:>8.2f} {run['p99_ms']:>8.2f}"
            lines.append(f"{row['connections']:>11} {way:>7} {times} {cpu:>23}")
    if "p50_added_ms_1" in report:
        lines.append(f"added at 1 connection, p50: {report['p50_added_ms_1']:.2f} ms")
    lines.append(
        f"first token: {report['ttft_ms_direct']:.2f} ms direct, {report['ttft_ms']:.2f} ms through the gateway"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
