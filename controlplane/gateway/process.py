"""The gateway's process, seen from the control plane: started, taken over, kept running, stopped.

When this control plane is killed the gateway goes on, and the next control plane finds it by its pid file.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import structlog

from controlplane.config import ServerConfig
from controlplane.private_file import write_private
from homeport import __version__
from homeport.core.errors import ErrorCode, HomeportError

log = structlog.get_logger()

_MODULE = "controlplane.gateway.worker"
_START_SECONDS = 30.0
_TAKE_OVER_SECONDS = 5.0
_STOP_SECONDS = 15.0
_RESTART_SECONDS = 1.0


class GatewayProcess:
    """`feed` is the socket that it is to follow. Use as start, run, stop. `was_there`: it relayed before this start."""

    def __init__(self, config: ServerConfig, feed: Path, worker_id: str) -> None:
        self._feed = feed
        self._worker_id = worker_id
        self._options = [
            *(config.host, str(config.gateway_port), "tls" if config.serves_tls else "plain"),
            *(config.agent_host, str(config.tunnel_port)),
        ]
        self._pid_file = config.data_dir / f"{worker_id}.pid"
        self._said: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._pid = 0
        self.was_there = False

    def heard(self, said: dict[str, Any]) -> None:
        """What a gateway tells the feed."""
        if said.get("worker") == self._worker_id and not self._said.done():
            self._said.set_result(said)

    async def start(self) -> tuple[int, int]:
        """(tunnel port, gateway port), once it listens. Raises HomeportError."""
        found = await self._take_over()
        self.was_there = found is not None
        said = found or await self._start_new()
        self._pid = said["pid"]
        return said["tunnel_port"], said["gateway_port"]

    async def run(self) -> None:
        """Replaces it whenever it ends, until cancelled."""
        while True:
            await _end_of(self._pid)
            log.error("the gateway ended; another is started", pid=self._pid)
            await asyncio.sleep(_RESTART_SECONDS)
            with contextlib.suppress(HomeportError):
                self._pid = (await self._start_new())["pid"]

    async def stop(self) -> None:
        await self._stop(self._pid)
        self._pid_file.unlink(missing_ok=True)

    async def _take_over(self) -> dict[str, Any] | None:
        pid = self._survivor()
        if pid is None:
            return None
        with contextlib.suppress(TimeoutError):
            said = await asyncio.wait_for(asyncio.shield(self._said), _TAKE_OVER_SECONDS)
            if (said.get("pid"), said.get("options"), said.get("release")) == (pid, self._options, release()):
                log.info("gateway taken over", pid=pid)
                return said
        log.info("the gateway of an earlier run does not fit and is replaced", pid=pid)
        await self._stop(pid)
        return None

    async def _start_new(self) -> dict[str, Any]:
        said = self._said = asyncio.get_running_loop().create_future()
        names = ("--host", "--gateway-port", "--clients", "--agent-host", "--tunnel-port")
        options = [text for pair in zip(names, self._options, strict=True) for text in pair]
        child = subprocess.Popen(  # noqa: ASYNC220 - returns once the program runs
            [sys.executable, "-m", _MODULE, "--feed", str(self._feed), "--worker-id", self._worker_id, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        write_private(self._pid_file, f"{child.pid}\n".encode())
        ended = asyncio.create_task(_end_of(child.pid))
        await asyncio.wait((ended, said), timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        child.returncode = 0  # it is watched by its pid, and may outlive this object
        facts = said.result() if said.done() else {"error": "the gateway did not listen in time; see the log"}
        if "error" in facts:
            await self._stop(child.pid)
            raise HomeportError(ErrorCode.UNAVAILABLE, facts["error"], hint=facts.get("hint", ""))
        return facts

    def _survivor(self) -> int | None:
        """The pid file may be old and its number another program's by now."""
        try:
            pid = int(self._pid_file.read_text())
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if {_MODULE.encode(), os.fsencode(self._feed)} <= set(arguments) else None

    async def _stop(self, pid: int) -> None:
        for number, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, _STOP_SECONDS)):
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                os.kill(pid, number)
                await asyncio.wait_for(_end_of(pid), seconds)
                return


def release() -> list[str]:
    """What a program must have in common with a gateway to take it over: the version, and where it is installed."""
    return [__version__, sys.prefix]


async def _end_of(pid: int) -> None:
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
