"""The control plane under test: the real program, on ports of its own."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from bench.memory import resident_mib

_PORTS = ("api", "gateway", "enroll", "session", "tunnel")
_START_SECONDS = 120


class ControlPlane:
    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> float:
        """Seconds until it was ready."""
        began = time.monotonic()
        options = [text for name, port in self._ports.items() for text in (f"--{name}-port", str(port))]
        with (self._data_dir.parent / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "controlplane.main", "--data-dir", str(self._data_dir), *options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise SystemExit(f"the control plane did not start: {self._data_dir.parent}/server.log")
        return time.monotonic() - began

    @property
    def session_port(self) -> int:
        return self._ports["session"]

    @property
    def gateway_port(self) -> int:
        return self._ports["gateway"]

    @property
    def admin_token(self) -> str:
        return (self._data_dir / "admin-token").read_text().strip()

    def hand_over(self) -> None:
        """As an upgrade does: this one ends, and leaves its gateways to the next."""
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR1)
        self._process.wait(60)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @property
    def rss_mib(self) -> float:
        assert self._process is not None
        return resident_mib(self._process.pid)

    @property
    def cpu_seconds(self) -> float:
        assert self._process is not None
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._ports['api']}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.admin_token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.read().decode()}") from None


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
