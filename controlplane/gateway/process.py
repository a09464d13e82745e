"""A gateway worker's process, seen from whoever keeps it: started, found again by its pid file, stopped.

It outlives the program that started it.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import astuple, dataclass
from pathlib import Path

from controlplane.private_file import write_private
from homeport import __version__

_MODULE = "controlplane.gateway.worker"
_STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class GatewayTerms:
    """How a gateway is reached. Ports may be 0: then the system has picked one. Workers are called `name`-0, -1, ..."""

    host: str
    gateway_port: int
    clients: str
    agent_host: str
    tunnel_port: int
    trusted_proxies: str = ""
    name: str = "gateway"

    def text(self) -> str:
        return json.dumps(astuple(self))


def release() -> list[str]:
    """What a gateway must have in common with the program that takes it over: version, and where it is installed."""
    return [__version__, sys.prefix]


class WorkerProcesses:
    """Of one gateway: `feed` is the socket that they follow, in `folder` is a pid file for each."""

    def __init__(self, terms: GatewayTerms, feed: Path, folder: Path) -> None:
        self._terms = terms
        self._feed = feed
        self._folder = folder

    def start(self, worker_id: str, listener: socket.socket, tunnel_port: int) -> int:
        """Returns its pid. `listener` is the socket at which it shall take clients in."""
        descriptor = listener.fileno()
        options = {
            "feed": str(self._feed),
            "worker-id": worker_id,
            "listener": str(descriptor),
            "clients": self._terms.clients,
            "tunnels": f"{self._terms.agent_host}:{tunnel_port}",
            "trusted-proxies": self._terms.trusted_proxies,
            "terms": self._terms.text(),
        }
        child = subprocess.Popen(
            [
                sys.executable,
                "-m",
                _MODULE,
                *(text for name, value in options.items() for text in (f"--{name}", value)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=[descriptor],
        )
        child.returncode = 0  # it is watched by its pid, and may outlive this object
        write_private(self._pid_file(worker_id), f"{child.pid}\n".encode())
        return child.pid

    def forget(self, worker_id: str) -> None:
        """It has ended."""
        self._pid_file(worker_id).unlink(missing_ok=True)

    def survivors(self) -> dict[str, int]:
        """Worker ids and pids. A pid file may be old and its number another program's by now."""
        found: dict[str, int] = {}
        for file in self._folder.glob(f"{self._terms.name}-*.pid"):
            with contextlib.suppress(OSError, ValueError):
                pid = int(file.read_text())
                arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if {_MODULE.encode(), os.fsencode(self._feed), os.fsencode(file.stem)} <= set(arguments):
                    found[file.stem] = pid
        return found

    def _pid_file(self, worker_id: str) -> Path:
        return self._folder / f"{worker_id}.pid"


def retire(pid: int) -> None:
    """It takes nobody in any more, and ends once its clients are gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR1)


async def stop(pid: int) -> None:
    for number, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, _STOP_SECONDS)):
        with contextlib.suppress(ProcessLookupError, TimeoutError):
            os.kill(pid, number)
            await asyncio.wait_for(end_of(pid), seconds)
            return


async def end_of(pid: int) -> None:
    """Of any process, our child or not."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(fd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222 - it has ended
