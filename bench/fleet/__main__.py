"""Live mTLS sessions on one control plane: memory, heartbeats, one change to all, and the way back after kill -9.

python -m bench.fleet [--json] [--nodes 10000] [--drivers 2] [--seconds 20]

The control plane is the real program over SQLite. Nodes are driven by processes on the same machine, whose CPU time is
told apart: each node has a connection and a certificate of its own, and dials again as agents do.
"""

import argparse
import asyncio
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.fleet.change import measure_change
from bench.fleet.control_plane import ControlPlane
from bench.fleet.drivers import Drivers
from bench.fleet.enrolled import enroll
from homeport.logging import configure_logging

_PATIENCE_SECONDS = 240.0
_LOOK_SECONDS = 0.25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--drivers", type=int, default=2, help="processes that the nodes are spread over")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long heartbeats are watched")
    arguments = parser.parse_args()
    _raise_file_limit(arguments.nodes)
    configure_logging()
    with tempfile.TemporaryDirectory(prefix="homeport-fleet-") as name:
        folder = Path(name)
        (folder / "server").mkdir(mode=0o700)
        asyncio.run(enroll(folder / "server", arguments.nodes, folder))
        server, drivers = ControlPlane(folder / "server"), Drivers(folder, arguments.drivers)
        try:
            report = _measure(server, drivers, arguments.nodes, arguments.seconds)
        finally:
            drivers.close()
            server.stop()
    print(json.dumps(report) if arguments.json else "\n".join(f"{key:28} {value}" for key, value in report.items()))


def _measure(server: ControlPlane, drivers: Drivers, nodes: int, seconds: float) -> dict[str, Any]:
    report: dict[str, Any] = {
        "nodes": nodes,
        "ready_s": round(server.start(), 2),
        "rss_mib_alone": round(server.rss_mib),
    }
    # They are ready to dial once they answer.
    assert drivers.connected == 0
    began, cpu = time.monotonic(), server.cpu_seconds
    drivers.begin(server.session_port)
    _until_connected(drivers, nodes, began)
    report["all_connected_s"] = round(time.monotonic() - began, 1)
    report["connect_cpu_ms_each"] = round((server.cpu_seconds - cpu) / nodes * 1000, 2)
    report |= _heartbeats(server, drivers, seconds)
    report |= measure_change(server, drivers, nodes)
    server.kill()
    began = time.monotonic()
    report["ready_again_s"] = round(server.start(), 1)
    _until_connected(drivers, nodes, began)
    report["all_back_s"] = round(time.monotonic() - began, 1)
    return report


def _heartbeats(server: ControlPlane, drivers: Drivers, seconds: float) -> dict[str, Any]:
    drivers.seen()
    began, cpu, driven = time.monotonic(), server.cpu_seconds, drivers.cpu_seconds
    time.sleep(seconds)
    took = time.monotonic() - began
    server_cpu, driver_cpu = (server.cpu_seconds - cpu) / took, (drivers.cpu_seconds - driven) / took
    seen = drivers.seen()
    echoes = sorted(seen.echo_ms)
    statuses = server.ask("GET", "status")
    return {
        "rss_mib": round(server.rss_mib),
        "heartbeats_per_s": round(len(echoes) / took),
        "echo_p50_ms": round(echoes[len(echoes) // 2], 1),
        "echo_p99_ms": round(echoes[len(echoes) * 99 // 100], 1),
        "echo_late": seen.beats_late,
        "server_cores": round(server_cpu, 2),
        "drivers_cores": round(driver_cpu, 2),
        "sessions_ended": dict(seen.ends),
        "nodes_by_status": statuses["nodes"],
    }


def _until_connected(drivers: Drivers, nodes: int, began: float) -> None:
    while (connected := drivers.connected) < nodes:
        if time.monotonic() - began > _PATIENCE_SECONDS:
            raise SystemExit(
                f"{connected} of {nodes} nodes are connected after {_PATIENCE_SECONDS:.0f} s; {drivers.seen().ends}"
            )
        time.sleep(_LOOK_SECONDS)


def _raise_file_limit(nodes: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < nodes + 500:
        raise SystemExit(f"{nodes} sessions need as many open files, {hard} are allowed here; ask for fewer --nodes")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
