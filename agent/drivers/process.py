"""Replicas as plain processes of the host, each in a session of its own; under systemd, in a unit of its own.

A replica outlives the agent: it writes its output to a file by itself, and is found again by pid, start time and boot
id, or, when the agent died before it could note these, by its environment. A pidfd tells when it ends, parent or not.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agent.boot import boot_id
from agent.drivers import process_table
from agent.drivers.driver import (
    Exit,
    Handle,
    Inspection,
    RunState,
    StartRefused,
    StartRequest,
    Stats,
    Unkillable,
)
from agent.drivers.output import Output
from agent.drivers.process_table import ProcessEntry
from agent.drivers.replica_unit import ReplicaUnits, unit_of

REPLICA_ID = "HOMEPORT_REPLICA_ID"
_HOST = "HOMEPORT_HOST"
# All that a replica inherits: the agent's own environment may hold what is none of a model's business.
_INHERITED = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE",
    "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
)  # fmt: skip
_AFTER_KILL_SECONDS = 10.0
_POLL_SECONDS = 0.05


@dataclass(eq=False, slots=True)
class _Process:
    """One that this agent has started or adopted. `popen` is None for an adopted one and for one with a `unit`."""

    replica_id: str
    entry: ProcessEntry
    pidfd: int
    ended: asyncio.Future[Exit]
    popen: subprocess.Popen[bytes] | None = field(default=None)
    unit: str = ""
    stopping: bool = False
    asking: asyncio.Task[None] | None = None


class ProcessDriver:
    """`directory` gets one folder per replica. Runs on the event loop that first starts or recovers a replica."""

    name = "process"

    def __init__(self, directory: Path, log_bytes: int | None = None) -> None:
        self._directory = directory
        self._log_bytes = log_bytes
        self._boot_id = boot_id()
        self._units = ReplicaUnits.of(os.environ)
        self._processes: dict[int, _Process] = {}

    async def start(self, request: StartRequest) -> Handle:
        folder = self._directory / request.replica_id
        with _told_of(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        environment = _environment(request)
        working_directory = _absolute(request.working_directory or folder)
        command = _resolve(request.command, working_directory, environment)
        with _told_of(folder):
            output = self._output(request.replica_id).open_for_append()
        try:
            if self._units is not None:
                launched = await self._units.launch(command, working_directory, environment, output)
                found = process_table.read(launched.pid) or ProcessEntry(launched.pid, "X", launched.pid, start_ticks=0)
                return self._track(request.replica_id, found, request.host, request.port, unit=launched.unit)
            popen = subprocess.Popen(  # noqa: ASYNC220 - returns after exec, and what follows must not be interrupted
                command,
                cwd=working_directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            raise StartRefused(f"cannot run {command[0]}: {error.strerror}") from None
        finally:
            os.close(output)
        entry = process_table.read(popen.pid)
        assert entry is not None  # our child, not waited for yet
        return self._track(request.replica_id, entry, request.host, request.port, popen)

    async def recover(self, replica_id: str, handle: Handle | None) -> Handle | None:
        if handle is None:
            found = _find_by_label(replica_id)
            return self._track(replica_id, *found, unit=unit_of(found[0].pid)) if found else None
        tracked = self._tracked(handle)
        if tracked is not None:
            return None if tracked.ended.done() else handle
        if handle.data["boot_id"] != self._boot_id:
            return None
        pid, start_ticks = handle.data["pid"], handle.data["start_ticks"]
        entry = process_table.read(pid)
        if entry is None or entry.start_ticks != start_ticks or entry.ended:
            for member in _members(pid, start_ticks):
                _kill(member.pid, signal.SIGKILL)
            return None
        return self._track(replica_id, entry, handle.host, handle.port, unit=unit_of(pid))

    async def wait(self, handle: Handle) -> Exit:
        process = self._tracked(handle)
        if process is None:
            return Exit(None, "ended while nobody watched")
        return await asyncio.shield(process.ended)

    async def stop(self, handle: Handle, grace_seconds: float) -> None:
        process = self._tracked(handle)
        if process is None:
            return
        process.stopping = True
        self._signal_group(process, signal.SIGTERM)
        if await self._all_gone(process, grace_seconds):
            return
        for member in _members(process.entry.pid, process.entry.start_ticks):
            _kill(member.pid, signal.SIGKILL)
        if not await self._all_gone(process, _AFTER_KILL_SECONDS):
            raise Unkillable(f"process {process.entry.pid} did not end on SIGKILL")

    async def destroy(self, replica_id: str) -> None:
        self._processes = {pid: p for pid, p in self._processes.items() if p.replica_id != replica_id}
        shutil.rmtree(self._directory / replica_id, ignore_errors=True)

    async def inspect(self, handle: Handle) -> Inspection:
        process = self._tracked(handle)
        if process is None:
            return Inspection(RunState.EXITED, Exit(None, "ended while nobody watched"))
        if process.ended.done():
            return Inspection(RunState.EXITED, process.ended.result())
        return Inspection(RunState.RUNNING)

    async def stats(self, handle: Handle) -> Stats | None:
        process = self._tracked(handle)
        if process is None or process.ended.done():
            return None
        pids = [member.pid for member in _members(process.entry.pid, process.entry.start_ticks)]
        return Stats(*process_table.usage(pids))

    def logs(self, replica_id: str, tail_lines: int, follow: bool) -> AsyncIterator[bytes]:
        return self._output(replica_id).lines(tail_lines, follow)

    async def tend(self) -> None:
        for process in self._processes.values():
            with contextlib.suppress(OSError):  # a full disk: tried again next time
                self._output(process.replica_id).rotate_if_large()

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        for process in self._processes.values():
            if process.asking is not None:
                process.asking.cancel()
            elif not process.ended.done():
                loop.remove_reader(process.pidfd)
                os.close(process.pidfd)
                if process.popen is not None:
                    process.popen.returncode = 0  # it runs on, no longer ours: keeps Popen from warning
        self._processes.clear()

    def _output(self, replica_id: str) -> Output:
        folder = self._directory / replica_id
        return Output(folder) if self._log_bytes is None else Output(folder, self._log_bytes)

    def _track(
        self,
        replica_id: str,
        entry: ProcessEntry,
        host: str,
        port: int,
        popen: subprocess.Popen[bytes] | None = None,
        unit: str = "",
    ) -> Handle:
        loop = asyncio.get_running_loop()
        process = _Process(replica_id, entry, -1, loop.create_future(), popen, unit)
        try:
            process.pidfd = os.pidfd_open(entry.pid)
            loop.add_reader(process.pidfd, self._on_exit, process)
        except ProcessLookupError:  # it ended already, and systemd has reaped it
            self._ended(process, None)
        # The lives before this one are over and known.
        self._processes = {pid: p for pid, p in self._processes.items() if p.replica_id != replica_id}
        self._processes[entry.pid] = process
        data = {"pid": entry.pid, "start_ticks": entry.start_ticks, "boot_id": self._boot_id}
        return Handle(self.name, 1, host, port, data)

    def _tracked(self, handle: Handle) -> _Process | None:
        process = self._processes.get(handle.data["pid"])
        return process if process and process.entry.start_ticks == handle.data["start_ticks"] else None

    def _on_exit(self, process: _Process) -> None:
        asyncio.get_running_loop().remove_reader(process.pidfd)
        if not process.stopping:
            for member in _members(process.entry.pid, process.entry.start_ticks):
                _kill(member.pid, signal.SIGKILL)
        code = _reap(process.pidfd)
        os.close(process.pidfd)
        if process.popen is not None:
            process.popen.returncode = code if code is not None else 0
        self._ended(process, code)

    def _ended(self, process: _Process, code: int | None) -> None:
        if process.unit and self._units is not None:
            process.asking = asyncio.create_task(self._ask_unit(process, self._units))
        else:
            self._resolve(process, Exit(code, _exit_reason(code)))

    async def _ask_unit(self, process: _Process, units: ReplicaUnits) -> None:
        """Only systemd knows how its children end, and takes a moment to say it."""
        self._resolve(process, await units.exit_of(process.unit) or Exit(None, _exit_reason(None)))

    def _resolve(self, process: _Process, exit: Exit) -> None:
        last_line = self._output(process.replica_id).last_line()
        process.ended.set_result(Exit(exit.code, exit.reason + (f": {last_line}" if last_line else "")))

    def _signal_group(self, process: _Process, number: signal.Signals) -> None:
        if not process.ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.entry.pid, number)

    async def _all_gone(self, process: _Process, seconds: float) -> bool:
        """Waits until the replica's main process and all of its session have ended."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        await asyncio.wait({process.ended}, timeout=seconds)
        while process.ended.done() and _members(process.entry.pid, process.entry.start_ticks):
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return process.ended.done()


def _environment(request: StartRequest) -> dict[str, str]:
    environment = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    # A replica that was given no GPU must not take one; one that was given some sees these only.
    environment["CUDA_VISIBLE_DEVICES"] = ""
    environment.update(request.env)
    if request.gpu_uuids:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(request.gpu_uuids)
    environment["PORT"] = str(request.port)
    environment[_HOST] = request.host
    environment[REPLICA_ID] = request.replica_id
    environment["HOMEPORT_DEPLOYMENT_ID"] = request.deployment_id
    return environment


def _absolute(path: str | Path) -> str:
    """A relative working directory counts from where the agent was started."""
    return os.path.abspath(path)


def _resolve(command: tuple[str, ...], working_directory: str, environment: dict[str, str]) -> list[str]:
    """The command with its program's full path. Raises StartRefused."""
    if not command:
        raise StartRefused("the workload has no command")
    if not Path(working_directory).is_dir():
        raise StartRefused(f"the working directory {working_directory} does not exist on this host")
    program = command[0]
    if "/" in program:
        candidate = os.path.join(working_directory, program)
        found = candidate if os.access(candidate, os.X_OK) and not os.path.isdir(candidate) else None
    else:
        found = shutil.which(program, path=environment.get("PATH", os.defpath))
    if found is None:
        raise StartRefused(f"command {program!r} is not on this host; install it or give its full path")
    return [found, *command[1:]]


@contextlib.contextmanager
def _told_of(folder: Path) -> Iterator[None]:
    """A full disk is a reason, not a crash."""
    try:
        yield
    except OSError as error:
        raise StartRefused(f"{folder} cannot be written: {error.strerror}") from None


def _find_by_label(replica_id: str) -> tuple[ProcessEntry, str, int] | None:
    """The leader of the replica's session, and where it was told to listen."""
    for entry in process_table.entries():
        if entry.pid == entry.session and not entry.ended:
            environment = process_table.environment(entry.pid)
            if environment.get(REPLICA_ID) == replica_id:
                return entry, environment[_HOST], int(environment["PORT"])
    return None


def _members(pid: int, start_ticks: int) -> list[ProcessEntry]:
    """The live processes of the session that `pid` led. While one lives the kernel does not give the pid away."""
    leader = process_table.read(pid)
    if leader is not None and leader.start_ticks != start_ticks:
        return []
    return [entry for entry in process_table.entries() if entry.session == pid and not entry.ended]


def _kill(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _reap(pidfd: int) -> int | None:
    """The exit code, negative for a signal; None when the process is not our child."""
    try:
        result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return None
    if result is None:
        return None
    return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status


def _exit_reason(code: int | None) -> str:
    if code is None:
        return "ended; its exit code is not known, since it was started before the agent"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
