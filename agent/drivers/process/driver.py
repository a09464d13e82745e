"""The driver for plain processes.

A replica outlives the agent: it writes its output to a file by itself, and is found again by pid, start time and boot
id, or, when the agent died before it could note these, by its environment. A pidfd tells when it ends, parent or not.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from agent.boot import boot_id
from agent.drivers.driver import (
    Executed,
    Exit,
    Found,
    Handle,
    Inspection,
    RunState,
    StartRefused,
    StartRequest,
    Stats,
    Unkillable,
)
from agent.drivers.output import MAX_BYTES
from agent.drivers.process import table
from agent.drivers.process.command import absolute, resolve_command
from agent.drivers.process.environment import Marks, environment_of
from agent.drivers.process.execute import execute_beside
from agent.drivers.process.exit import exit_reason, reap
from agent.drivers.process.folder import ReplicaFolder, folders_in
from agent.drivers.process.launch import Launched, launch
from agent.drivers.process.replica_unit import ReplicaUnits, unit_of
from agent.drivers.process.session import kill_members, marked_leaders, members
from agent.drivers.process.table import ProcessEntry
from agent.drivers.runtime import Runtime
from agent.secrets.memory_folder import MemoryFolder

_AFTER_KILL_SECONDS = 10.0
_POLL_SECONDS = 0.05
_UNWATCHED = Exit(None, "ended while nobody watched")


@dataclass(eq=False, slots=True)
class _Process:
    """One that this agent has started or adopted."""

    replica_id: str
    launched: Launched
    pidfd: int
    ended: asyncio.Future[Exit]
    stopping: bool = False
    asking: asyncio.Task[None] | None = None

    @property
    def leader(self) -> ProcessEntry:
        return self.launched.entry


class ProcessDriver:
    """`directory` gets one folder per replica; `scope` tells this agent's replicas from those of others on the host.

    Runs on the event loop that first starts or recovers a replica.
    """

    name = "process"

    def __init__(self, directory: Path, scope: str, log_bytes: int = MAX_BYTES) -> None:
        self._directory = directory
        self._scope = scope
        self._memory = MemoryFolder(f"process {scope}")
        self._log_bytes = log_bytes
        self._boot_id = boot_id()
        self._units = ReplicaUnits.of(os.environ)
        self._processes: dict[int, _Process] = {}

    async def prepare(self, request: StartRequest, report: Callable[[str], None]) -> None:
        """A process needs nothing that is not here already."""

    async def start(self, request: StartRequest) -> Handle:
        folder = self._folder(request.replica_id)
        environment = environment_of(request, self._scope) | self._write_secrets(request)
        marks = Marks(request.labels, request.host, request.port, request.grpc_port)
        output = folder.open(marks)
        try:
            working_directory = absolute(request.working_directory or folder.path)
            command = resolve_command(request.command, working_directory, environment)
            launched = await launch(self._units, command, working_directory, environment, output)
        finally:
            os.close(output)
        self._track(request.replica_id, launched)
        return self._handle(launched.entry, marks)

    async def recover(self, replica_id: str, handle: Handle | None) -> Handle | None:
        if handle is None:
            return self._recover_by_marks(replica_id)
        tracked = self._tracked(handle)
        if tracked is not None:
            return None if tracked.ended.done() else handle
        if handle.data["boot_id"] != self._boot_id:
            return None
        pid, start_ticks = handle.data["pid"], handle.data["start_ticks"]
        entry = table.read(pid)
        if entry is None or entry.start_ticks != start_ticks or entry.ended:
            kill_members(ProcessEntry(pid, "X", pid, start_ticks))
            return None
        self._track(replica_id, Launched(entry, unit=unit_of(pid)))
        return handle

    async def find_all(self) -> list[Found]:
        running = {
            marks.labels.replica_id: Found(marks.labels, self._handle(leader, marks), RunState.RUNNING)
            for leader, marks in marked_leaders(self._scope)
        }
        left = [folder.marks() for folder in folders_in(self._directory, self._log_bytes)]
        nobody = ProcessEntry(0, "X", 0, start_ticks=0)
        ended = [
            Found(marks.labels, self._handle(nobody, marks), RunState.EXITED)
            for marks in left
            if marks.labels.replica_id not in running
        ]
        return [*running.values(), *ended]

    async def execute(self, handle: Handle, command: tuple[str, ...], timeout_seconds: float) -> Executed:
        process = self._tracked(handle)
        if process is None or process.ended.done():
            raise StartRefused("the replica has ended")
        return await execute_beside(process.leader.pid, command, timeout_seconds)

    async def wait(self, handle: Handle) -> Exit:
        process = self._tracked(handle)
        return _UNWATCHED if process is None else await asyncio.shield(process.ended)

    async def stop(self, handle: Handle, grace_seconds: float) -> None:
        process = self._tracked(handle)
        if process is None:
            return
        process.stopping = True
        if not process.ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.leader.pid, signal.SIGTERM)
        if await _all_gone(process, grace_seconds):
            return
        kill_members(process.leader)
        if not await _all_gone(process, _AFTER_KILL_SECONDS):
            raise Unkillable(f"process {process.leader.pid} did not end on SIGKILL")

    async def destroy(self, replica_id: str) -> None:
        self._forget(replica_id)
        self._folder(replica_id).remove()
        self._memory.remove(replica_id)

    async def inspect(self, handle: Handle) -> Inspection:
        process = self._tracked(handle)
        if process is None:
            return Inspection(RunState.EXITED, _UNWATCHED)
        if process.ended.done():
            return Inspection(RunState.EXITED, process.ended.result())
        return Inspection(RunState.RUNNING)

    async def stats(self, handle: Handle) -> Stats | None:
        process = self._tracked(handle)
        if process is None or process.ended.done():
            return None
        return table.usage([member.pid for member in members(process.leader)])

    def logs(self, replica_id: str, tail_lines: int, follow: bool) -> AsyncIterator[bytes]:
        return self._folder(replica_id).output.lines(tail_lines, follow)

    async def tend(self) -> None:
        for process in self._processes.values():
            with contextlib.suppress(OSError):  # a full disk: tried again next time
                self._folder(process.replica_id).output.rotate_if_large()

    async def runtime(self) -> Runtime:
        return Runtime()

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        for process in self._processes.values():
            if process.asking is not None:
                process.asking.cancel()
            elif not process.ended.done():
                loop.remove_reader(process.pidfd)
                os.close(process.pidfd)
                if process.launched.popen is not None:
                    process.launched.popen.returncode = 0  # it runs on, no longer ours: keeps Popen from warning
        self._processes.clear()

    def _write_secrets(self, request: StartRequest) -> dict[str, str]:
        """The variables that say where its files are. Raises StartRefused."""
        folders = request.secrets.folders
        if not folders:
            return {}
        files = {f"{number}/{key}": text for number, each in enumerate(folders) for key, text in each.files.items()}
        written = self._memory.write(request.replica_id, files)
        told = (each.told(str(written / str(number))) for number, each in enumerate(folders))
        return {name: path for each in told for name, path in each.items()}

    def _folder(self, replica_id: str) -> ReplicaFolder:
        return ReplicaFolder(self._directory / replica_id, self._log_bytes)

    def _handle(self, leader: ProcessEntry, marks: Marks) -> Handle:
        data = {"pid": leader.pid, "start_ticks": leader.start_ticks, "boot_id": self._boot_id}
        return Handle(self.name, 1, marks.host, marks.port, data, marks.grpc_port)

    def _recover_by_marks(self, replica_id: str) -> Handle | None:
        for leader, marks in marked_leaders(self._scope):
            if marks.labels.replica_id == replica_id:
                handle = self._handle(leader, marks)
                if self._tracked(handle) is None:
                    self._track(replica_id, Launched(leader, unit=unit_of(leader.pid)))
                return handle
        return None

    def _track(self, replica_id: str, launched: Launched) -> None:
        loop = asyncio.get_running_loop()
        process = _Process(replica_id, launched, -1, loop.create_future())
        try:
            process.pidfd = os.pidfd_open(launched.entry.pid)
            loop.add_reader(process.pidfd, self._on_exit, process)
        except ProcessLookupError:  # it ended already, and systemd has reaped it
            self._ended(process, None)
        self._forget(replica_id)  # the lives before this one are over and known
        self._processes[launched.entry.pid] = process

    def _forget(self, replica_id: str) -> None:
        self._processes = {pid: p for pid, p in self._processes.items() if p.replica_id != replica_id}

    def _tracked(self, handle: Handle) -> _Process | None:
        process = self._processes.get(handle.data["pid"])
        return process if process and process.leader.start_ticks == handle.data["start_ticks"] else None

    def _on_exit(self, process: _Process) -> None:
        asyncio.get_running_loop().remove_reader(process.pidfd)
        if not process.stopping:
            kill_members(process.leader)
        code = reap(process.pidfd)
        os.close(process.pidfd)
        if process.launched.popen is not None:
            process.launched.popen.returncode = code if code is not None else 0
        self._ended(process, code)

    def _ended(self, process: _Process, code: int | None) -> None:
        if process.launched.unit and self._units is not None:
            process.asking = asyncio.create_task(self._ask_unit(process, self._units))
        else:
            self._resolve(process, Exit(code, exit_reason(code)))

    async def _ask_unit(self, process: _Process, units: ReplicaUnits) -> None:
        """Only systemd knows how its children end, and takes a moment to say it."""
        self._resolve(process, await units.exit_of(process.launched.unit) or Exit(None, exit_reason(None)))

    def _resolve(self, process: _Process, exit: Exit) -> None:
        last_line = self._folder(process.replica_id).output.last_line()
        process.ended.set_result(Exit(exit.code, exit.reason + (f": {last_line}" if last_line else "")))


async def _all_gone(process: _Process, seconds: float) -> bool:
    """Waits until the replica's main process and all of its session have ended."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    await asyncio.wait({process.ended}, timeout=seconds)
    while process.ended.done() and members(process.leader):
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return process.ended.done()
