"""How late the heartbeats of a real agent are while its tunnel is saturated.

python -m bench.heartbeats [--json] [--seconds 240]

The control plane tells it (`homeport_heartbeat_lateness_seconds` of /metrics): first for a quiet time of a quarter as
long, then while small requests on 128 connections and bodies of 1 MiB, up and down on 16, take turns.
"""

import argparse
import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from bench.cold_start.stage import Stage
from bench.dataplane.stage import Part

_HISTOGRAM = "homeport_heartbeat_lateness_seconds"
_TURN_SECONDS = 5.0
_MIB = 1024 * 1024
_SMALL = "x" * 1024
_TURNS = ((128, "/x", _SMALL), (16, "/x", "x" * _MIB), (16, "/bytes", str(_MIB)))

Counts = dict[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=240.0)
    arguments = parser.parse_args()
    load = Part("load")
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as site:
        site.start({"command": [sys.executable, "-m", "bench.dataplane.upstream", "{port}"], "concurrency": 1024})
        site.first_answer("/x", b"{}")
        report = {"quiet": _watched(site, lambda: time.sleep(arguments.seconds / 4))}
        requests: list[float] = []
        end = time.monotonic() + arguments.seconds

        def saturate() -> None:
            while time.monotonic() < end:
                requests.extend(_turn(load, site, *turn) for turn in _TURNS)

        report["saturated"] = _watched(site, saturate) | {"requests": sum(requests)}
    load.stop()
    print(json.dumps(report) if arguments.json else _table(report))


def _turn(load: Part, site: Stage, connections: int, path: str, body: str) -> float:
    request = (
        f"POST /d/bench{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {site.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    job = {"ports": [site.gateway_port], "request": request, "connections": connections, "seconds": _TURN_SECONDS}
    result: dict[str, float] = load.ask(job)
    if result["errors"]:
        raise SystemExit(f"{result['errors']:.0f} of {result['requests']:.0f} requests failed")
    return result["requests"]


def _watched(site: Stage, step: Any) -> dict[str, Any]:
    """Heartbeats meanwhile, by the least bound in seconds that they keep."""
    before = _counts(site)
    step()
    after = _counts(site)
    found: dict[str, int] = {}
    below = 0.0
    for bound in sorted(after):
        count = after[bound] - before.get(bound, 0.0)
        if count > below:
            found[f"<= {bound:g}"] = int(count - below)
        below = count
    return {"heartbeats": int(below), "late_by_s": found}


def _counts(site: Stage) -> Counts:
    request = urllib.request.Request(
        f"http://127.0.0.1:{site.api_port}/metrics", headers={"Authorization": f"Bearer {site.token}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {
            float(sample.labels["le"]): sample.value
            for family in families
            for sample in family.samples
            if sample.name == f"{_HISTOGRAM}_bucket"
        }


def _table(report: dict[str, Any]) -> str:
    return "\n".join(f"{step:10} {figures}" for step, figures in report.items())


if __name__ == "__main__":
    main()
