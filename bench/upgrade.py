"""Many tunnels with a stream each, while the control plane under them is upgraded.

python -m bench.upgrade [--json] [--tunnels 1000] [--rate 2] [--kill]

The control plane is the real program over SQLite, its gateway a process of its own; nodes are driven as in bench.fleet,
with the agent's relay and tunnels. An upgrade is SIGUSR1 to the old program, then the start of the next, which takes
the gateway over. --kill: kill -9 instead.
"""

import argparse
import asyncio
import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench.dataplane.stage import Part
from bench.fleet.change import DEPLOYMENT, documents
from bench.fleet.control_plane import ControlPlane
from bench.fleet.drivers import Drivers
from bench.fleet.enrolled import enroll
from homeport.logging import configure_logging

_PATIENCE_SECONDS = 120.0
_LOOK_SECONDS = 0.5
# Of the streams: they are there before the upgrade begins and go on after it.
_STREAM_SECONDS = 45.0
_SETTLED_SECONDS = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--tunnels", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=2, help="events a second of each stream")
    parser.add_argument("--kill", action="store_true")
    arguments = parser.parse_args()
    configure_logging()
    with tempfile.TemporaryDirectory(prefix="homeport-upgrade-") as name:
        report = _measure(Path(name), arguments.tunnels, arguments.rate, arguments.kill)
    print(json.dumps(report) if arguments.json else "\n".join(f"{key:28} {value}" for key, value in report.items()))


def _measure(folder: Path, tunnels: int, rate: int, kill: bool) -> dict[str, Any]:
    (folder / "server").mkdir(mode=0o700)
    asyncio.run(enroll(folder / "server", tunnels, folder))
    upstream, load = Part("upstream"), Part("load")
    server, drivers = ControlPlane(folder / "server"), Drivers(folder, 2, upstream.read()["port"])
    try:
        server.start()
        drivers.begin(server.session_port)
        _until(lambda: drivers.connected, tunnels)
        server.ask("POST", "apply", {"documents": documents(tunnels, least=tunnels)})
        _until(lambda: drivers.attached, tunnels)
        time.sleep(_SETTLED_SECONDS)
        streams = _Streams(load, server, tunnels, rate)
        _until(lambda: drivers.in_flight, tunnels)
        time.sleep(_SETTLED_SECONDS)
        began = time.monotonic()
        if kill:
            server.kill()
        else:
            server.hand_over()
        gone = time.monotonic() - began
        server.start()
        ready = time.monotonic() - began
        _until(lambda: drivers.connected, tunnels)
        back = time.monotonic() - began
        result = streams.result()
    finally:
        for part in (drivers, server):
            part.close() if isinstance(part, Drivers) else part.stop()
        load.stop()
        upstream.stop()
    return {
        "tunnels": tunnels,
        "streams_broken": result["broken"],
        "events": int(result["requests"]),
        "events_missing": int(result["errors"]),
        "event_delay_p50_ms": round(result["p50_ms"], 1),
        "event_delay_p99_ms": round(result["p99_ms"], 1),
        "worst_gap_ms": round(result["worst_gap_ms"]),
        "old_program_gone_s": round(gone, 2),
        "next_program_ready_s": round(ready, 2),
        "all_sessions_back_s": round(back, 1),
    }


class _Streams:
    """Runs until all of its streams have ended."""

    def __init__(self, load: Part, server: ControlPlane, count: int, rate: int) -> None:
        events = round(rate * _STREAM_SECONDS)
        body = json.dumps({"per_second": rate, "events": events})
        request = (
            f"POST /d/{DEPLOYMENT}/paced HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.admin_token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )
        self._job = {
            "request": request,
            "ports": [server.gateway_port],
            "connections": count,
            "seconds": _STREAM_SECONDS,
            "events": events,
        }
        self._result: dict[str, float] = {}
        self._load = load
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def result(self) -> dict[str, float]:
        self._thread.join()
        return self._result

    def _run(self) -> None:
        self._result = self._load.ask(self._job)


def _until(count: Any, wanted: int) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while (seen := count()) < wanted:
        if time.monotonic() > end:
            raise SystemExit(f"only {seen} of {wanted} are there after {_PATIENCE_SECONDS:.0f} s")
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main()
