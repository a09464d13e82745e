"""Starts of a server that is ready as soon as it runs: what the request then waits for is Homeport and the engine."""

import json
import shutil
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.cold_start.stage import percentile, stage
from tests.engine import IMAGE, Engine, private_engine

_PAGE = "/tmp/homeport-bench.html"
_SERVE = f"echo ok > {_PAGE}; exec {{busybox}}httpd -f -p {{{{port}}}} -h /tmp"


def measure_process(count: int) -> dict[str, Any]:
    busybox = shutil.which("busybox")
    assert busybox, "install busybox-static"
    command = ["/bin/sh", "-c", _SERVE.format(busybox=f"{busybox} ")]
    with tempfile.TemporaryDirectory() as folder:
        return _measure(Path(folder), {"command": command, "driver": "process"}, count)


def measure_docker(count: int) -> dict[str, Any]:
    """`engine_alone`: create and start of the same container by the engine, asked by nobody but this."""
    with private_engine() as engine, tempfile.TemporaryDirectory() as folder:
        policy = Path(folder) / "agent.toml"
        policy.write_text(f'drivers = ["docker"]\nengine_socket = "{engine.socket}"\n')
        command = ["/bin/sh", "-c", _SERVE.format(busybox="")]
        version = {"command": command, "image": IMAGE, "driver": "docker"}
        alone = [_create_and_start(engine, number) for number in range(min(count, 20))]
        flags = "--policy", str(policy), "--allow-driver", "docker"
        return _measure(Path(folder), version, count, *flags) | {"engine_alone_ms": _figures(alone)}


def _measure(folder: Path, version: dict[str, Any], count: int, *agent_flags: str) -> dict[str, Any]:
    """Milliseconds from the request to its answer, and how they divide."""
    path = "/" + Path(_PAGE).name
    version |= {"readiness": {"path": path}, "stop_grace_seconds": 0, "concurrency": 4}
    waits: list[float] = []
    with stage(folder) as site:
        site.start(version, *agent_flags)
        for _ in range(count):
            site.until_nothing_runs()
            waits.append(site.first_answer(path))
        starts = site.until_told(count)[-count:]
    engine = [start["engine_seconds"] for start in starts]
    beyond = [wait - seconds for wait, seconds in zip(waits, engine, strict=True)]
    parts = ("queue", "image", "create", "load", "warm_up")
    return {
        "starts": count,
        "request_to_answer_ms": _figures(waits),
        "engine_ms": _figures(engine),
        "beyond_the_engine_ms": _figures(beyond),
        "parts_p50_ms": {part: _ms(percentile([start[f"{part}_seconds"] for start in starts], 50)) for part in parts},
        "ledger_own_ms": _figures([start["platform_seconds"] for start in starts]),
    }


def _create_and_start(engine: Engine, number: int) -> float:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    body = {
        "Image": IMAGE,
        "Cmd": ["/bin/sh", "-c", _SERVE.format(busybox="").format(port="8000")],
        "ExposedPorts": {"8000/tcp": {}},
        "HostConfig": {"PortBindings": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": port}]}},
    }
    name = f"alone-{number}"
    began = time.perf_counter()
    engine.call("POST", f"/containers/create?name={name}", json.dumps(body).encode(), "application/json")
    engine.call("POST", f"/containers/{name}/start")
    seconds = time.perf_counter() - began
    engine.call("DELETE", f"/containers/{name}?force=1")
    return seconds


def _figures(seconds: list[float]) -> dict[str, float]:
    return {f"p{percent}": _ms(percentile(seconds, percent)) for percent in (50, 90, 99)}


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
