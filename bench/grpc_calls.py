"""What a unary call of gRPC costs through gateway, tunnel and agent: TLS on the tunnel, token check, 1 KiB messages.

python -m bench.grpc_calls [--json] [--seconds 3] [--rounds 3] [--calls 1,16]

gRPC's own client and server stand at both ends, on one connection each. Straight and through the gateway take turns;
each figure is the median of the rounds. CPU is user + system time of the process per call.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.dataplane.gateway import TOKEN
from bench.dataplane.stage import Part, write_certificates

_FIGURES = ("rps", "p50_ms", "p99_ms", "cpu_us_gateway", "cpu_us_agent")
_MESSAGE = "x" * 1024
_METADATA = [("authorization", f"Bearer {TOKEN}"), ("x-homeport-deployment", "bench")]


class Calls:
    def __init__(self, folder: Path) -> None:
        write_certificates(folder)
        self.parts = [model := Part("grpc_model"), load := Part("grpc_load"), gateway := Part("gateway", folder)]
        self.load, self.gateway = load, gateway
        upstream, ports = model.read()["port"], gateway.read()
        self.agent = Part("agent", folder, ports["tunnel_port"], upstream)
        self.parts.append(self.agent)
        self.agent.read()
        self.ports = {"direct": upstream, "gateway": ports["port"]}

    def measure(self, way: str, calls: int, seconds: float) -> dict[str, float]:
        job = {"port": self.ports[way], "calls": calls, "seconds": seconds, "path": "/bench.Echo/Say"}
        before = self.gateway.cpu_seconds(), self.agent.cpu_seconds()
        done = self.load.ask(job | {"metadata": _METADATA, "message": _MESSAGE, "timeout": 60})
        after = self.gateway.cpu_seconds(), self.agent.cpu_seconds()
        for name, ended, began in zip(("cpu_us_gateway", "cpu_us_agent"), after, before, strict=True):
            done[name] = (ended - began) / done["requests"] * 1e6
        done["rps"] = done["requests"] / done["seconds"]
        return done

    def close(self) -> None:
        for part in self.parts:
            part.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", default="1,16", help="at once, comma separated")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        calls = Calls(Path(folder))
        try:
            time.sleep(0.5)
            rows = [
                _compare(calls, int(each), arguments.seconds, arguments.rounds) for each in arguments.calls.split(",")
            ]
        finally:
            calls.close()
    print(json.dumps({"message_bytes": len(_MESSAGE), "rows": rows}) if arguments.json else _table(rows))


def _compare(calls: Calls, at_once: int, seconds: float, rounds: int) -> dict[str, Any]:
    runs: dict[str, list[dict[str, float]]] = {"direct": [], "gateway": []}
    for _ in range(rounds):
        for way, done in runs.items():
            done.append(calls.measure(way, at_once, seconds))
    medians = {way: {key: round(median(run[key] for run in done), 3) for key in _FIGURES} for way, done in runs.items()}
    return {"calls": at_once, **medians}


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [f"{'at once':>8} {'way':>8} {'calls/s':>9} {'p50 ms':>8} {'p99 ms':>8} {'CPU us gateway + agent':>24}"]
    for row in rows:
        for way in ("direct", "gateway"):
            run = row[way]
            cpu = ""
            if way == "gateway":
                both = run["cpu_us_gateway"] + run["cpu_us_agent"]
                cpu = f"{run['cpu_us_gateway']:.1f} + {run['cpu_us_agent']:.1f} = {both:.1f}"
            lines.append(
                f"{row['calls']:>8} {way:>8} {run['rps']:>9.0f} {run['p50_ms']:>8.2f} {run['p99_ms']:>8.2f} {cpu:>24}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
