"""A gateway in a folder of its own, as it would be on another host than the control plane's."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Self

from tests.ports import free_ports
from tests.system.conftest import BIN
from tests.system.site import Site


class GatewayHost:
    """`with GatewayHost(site, folder, "edge") as host`: ends whatever it has started."""

    def __init__(self, site: Site, folder: Path, name: str, workers: int = 1) -> None:
        folder.mkdir()
        self.site = site
        self.folder = folder
        self.name = name
        self.workers = workers
        self.gateway_port, self.tunnel_port = free_ports(2)
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.site.stop(self.process)
        self.kill_workers()

    @property
    def log(self) -> str:
        return (self.folder / "gateway.log").read_text()

    def start(self, token: str = "", enroll_port: int = 0) -> str:
        """Its first line on stdout: empty where it has ended. One that ran before ends."""
        self.site.stop(self.process)
        command = [str(BIN / "homeport"), "server", "--role", "gateway", "--data-dir", str(self.folder / "state")]
        ports = ["--gateway-port", str(self.gateway_port), "--advertise", f"127.0.0.1:{self.tunnel_port}"]
        command += [*ports, "--tunnel-port", str(self.tunnel_port), "-w", str(self.workers)]
        if token:
            server = f"127.0.0.1:{enroll_port or self.site.enroll_port}"
            command += ["--control-plane", server, "--join-token", token]
        with open(self.folder / "gateway.log", "a") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def kill_workers(self) -> None:
        for file in (self.folder / "state").glob(f"{self.name}-*.pid"):
            with contextlib.suppress(OSError, ValueError):
                os.kill(int(file.read_text()), signal.SIGKILL)
