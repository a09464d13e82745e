"""A host whose agent is killed and started again as a real process; its replicas are real processes, too."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from agent.local_api.local_api import ask
from homeport.core.errors import HomeportError
from homeport.core.workload import Probe, Workload
from tests.fakes.control_plane import Connection, FakeControlPlane

_PATIENCE_SECONDS = 90
_MODEL = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args): pass
print("serves", flush=True)
http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
MODEL = Workload(
    "process",
    (sys.executable, "-S", "-c", _MODEL, "{host}", "{port}"),
    readiness=Probe(interval_seconds=0.2, timeout_seconds=20),
    stop_grace_seconds=2.0,
)


@dataclass
class Machine:
    state_dir: Path
    plane: FakeControlPlane
    # Without one, processes are allowed.
    policy: Path | None = None

    @contextmanager
    def agent(self, failpoint: str = "") -> Iterator["subprocess.Popen[bytes]"]:
        command = [sys.executable, "-m", "agent.main", "run", "--state-dir", str(self.state_dir)]
        environment = os.environ | {"HOMEPORT_FAILPOINT": failpoint}
        command += ["--policy", str(self.policy)] if self.policy else ["--allow-driver", "process"]
        with subprocess.Popen(command, env=environment) as process:
            try:
                yield process
            finally:
                process.kill()

    def status(self) -> dict[str, Any]:
        """Empty while no agent answers."""
        try:
            return ask(self.state_dir / "agent.sock", "status")
        except HomeportError:
            return {}

    async def connection(self) -> Connection:
        """Of the agent that runs now; those that killed ones had opened are passed over."""
        while True:
            connection = await self.plane.connection()
            await self.until(partial(self._has_come_to, connection.epoch), f"session {connection.epoch}")
            if self._epoch() == connection.epoch:
                return connection

    def _has_come_to(self, epoch: int) -> bool:
        return self._epoch() >= epoch

    def _epoch(self) -> int:
        """Of the newest session; 0 while no agent answers."""
        return int(self.status().get("link", {}).get("epoch", 0))

    def replicas(self) -> list[dict[str, Any]] | None:
        """As the agent sees them; None while it does not answer."""
        return self.status().get("replicas")

    def model_pids(self) -> set[int]:
        """Live processes whose output goes to this state directory."""
        found = set()
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    target = os.readlink(f"/proc/{name}/fd/1")
                except OSError:
                    continue
                if target.startswith(str(self.state_dir / "replicas")):
                    found.add(int(name))
        return found

    def end_models(self) -> None:
        for pid in self.model_pids():
            os.kill(pid, signal.SIGKILL)

    async def until_ready(self, count: int) -> list[dict[str, Any]]:
        def ready() -> bool:
            replicas = self.replicas() or []
            return [replica["status"] for replica in replicas] == ["ready"] * count

        await self.until(ready, f"{count} ready replicas")
        return self.replicas() or []

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        for _ in range(_PATIENCE_SECONDS * 20):
            if await asyncio.to_thread(holds):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within {_PATIENCE_SECONDS} s: {what}; status {self.status()}")
