"""Replicas that only exist on paper: for demonstrations of a fleet, benchmarks and tests.

A workload says how its replicas behave, in its env:
  SIMULATED_EXIT_AFTER   seconds until each life ends by itself; absent = it runs on
  SIMULATED_EXIT_CODE    the code it then ends with (default 1)
  SIMULATED_REFUSE       a reason: no replica of it can be started
  SIMULATED_PREPARE      seconds that an image of it would take to come (default 0)
  SIMULATED_READY_AFTER  seconds from start until `is_ready` (default 0)
  SIMULATED_HANG_AFTER   seconds from start until it is neither ready nor alive; absent = never
  SIMULATED_CORES        of CPU at work (default 0)
  SIMULATED_ADDRESS      host:port of something that answers requests in its place
  SIMULATED_GRPC_PORT    where that takes gRPC, if not on its port
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import count

from agent.drivers.driver import (
    Executed,
    Exit,
    Found,
    Handle,
    Inspection,
    Labels,
    RunState,
    StartRefused,
    StartRequest,
    Stats,
)
from agent.drivers.runtime import Runtime

_POLL_SECONDS = 0.25


@dataclass(eq=False, slots=True)
class _Life:
    labels: Labels
    handle: Handle
    started_at: float
    ready_at: float
    hangs_at: float
    cores: float
    ended: asyncio.Future[Exit]
    timer: asyncio.TimerHandle | None = None
    lines: list[bytes] = field(default_factory=list)

    def end(self, exit: Exit) -> None:
        if self.timer:
            self.timer.cancel()
        if not self.ended.done():
            self.ended.set_result(exit)
            self.lines.append(f"ended: {exit.reason}\n".encode())


class SimulatedDriver:
    """Keeps its replicas in memory, so they survive the agent's daemon object but not its process."""

    name = "simulated"

    def __init__(self) -> None:
        self._lives: dict[int, _Life] = {}
        self._numbers = count(1)

    async def prepare(self, request: StartRequest, report: Callable[[str], None]) -> None:
        seconds = float(request.env.get("SIMULATED_PREPARE", "0"))
        if seconds:
            report(f"preparing for {seconds:g} s")
            await asyncio.sleep(seconds)

    async def start(self, request: StartRequest) -> Handle:
        if "SIMULATED_REFUSE" in request.env:
            raise StartRefused(request.env["SIMULATED_REFUSE"])
        loop = asyncio.get_running_loop()
        before = self._of(request.replica_id)
        now = loop.time()
        host, _, port = request.env.get("SIMULATED_ADDRESS", f"{request.host}:{request.port}").rpartition(":")
        number = next(self._numbers)
        grpc_port = int(request.env.get("SIMULATED_GRPC_PORT", request.grpc_port))
        handle = Handle(self.name, 1, host, int(port), {"number": number}, grpc_port)
        lines = before[-1][1].lines if before else []
        life = _Life(
            request.labels,
            handle,
            started_at=now,
            ready_at=now + float(request.env.get("SIMULATED_READY_AFTER", "0")),
            hangs_at=now + float(request.env.get("SIMULATED_HANG_AFTER", "inf")),
            cores=float(request.env.get("SIMULATED_CORES", "0")),
            ended=loop.create_future(),
            lines=lines,
        )
        life.lines.append(f"started on port {request.port}\n".encode())
        if "SIMULATED_EXIT_AFTER" in request.env:
            code = int(request.env.get("SIMULATED_EXIT_CODE", "1"))
            life.timer = loop.call_later(
                float(request.env["SIMULATED_EXIT_AFTER"]), life.end, Exit(code, f"exit code {code}")
            )
        for older, _ in before:
            del self._lives[older]
        self._lives[number] = life
        return handle

    async def recover(self, replica_id: str, handle: Handle | None) -> Handle | None:
        for _, life in self._of(replica_id):
            if not life.ended.done() and handle in (None, life.handle):
                return life.handle
        return None

    async def find_all(self) -> list[Found]:
        return [
            Found(life.labels, life.handle, RunState.EXITED if life.ended.done() else RunState.RUNNING)
            for life in self._lives.values()
        ]

    async def execute(self, handle: Handle, command: tuple[str, ...], timeout_seconds: float) -> Executed:
        """Every command is found, and agrees."""
        life = self._lives.get(handle.data["number"])
        if life is None or life.ended.done():
            raise StartRefused("the replica has ended")
        return Executed(0, "")

    async def wait(self, handle: Handle) -> Exit:
        life = self._lives.get(handle.data["number"])
        return await asyncio.shield(life.ended) if life else Exit(None, "ended while nobody watched")

    async def stop(self, handle: Handle, grace_seconds: float) -> None:
        life = self._lives.get(handle.data["number"])
        if life:
            life.end(Exit(-15, "killed by SIGTERM"))

    async def destroy(self, replica_id: str) -> None:
        for number, _ in self._of(replica_id):
            del self._lives[number]

    async def inspect(self, handle: Handle) -> Inspection:
        life = self._lives.get(handle.data["number"])
        if life is None:
            return Inspection(RunState.EXITED, Exit(None, "ended while nobody watched"))
        if life.ended.done():
            return Inspection(RunState.EXITED, life.ended.result())
        return Inspection(RunState.RUNNING)

    async def stats(self, handle: Handle) -> Stats | None:
        life = self._lives.get(handle.data["number"])
        if life is None or life.ended.done():
            return None
        return Stats(life.cores * (asyncio.get_running_loop().time() - life.started_at), 0)

    async def logs(self, replica_id: str, tail_lines: int, follow: bool) -> AsyncIterator[bytes]:
        lives = self._of(replica_id)
        lines = lives[-1][1].lines if lives else []
        shown = len(lines)
        if tail_lines and lines:
            yield b"".join(lines[-tail_lines:])
        while follow and self._of(replica_id):
            if len(lines) > shown:
                yield b"".join(lines[shown:])
                shown = len(lines)
            await asyncio.sleep(_POLL_SECONDS)

    async def tend(self) -> None:
        pass

    async def runtime(self) -> Runtime:
        return Runtime()

    async def close(self) -> None:
        pass

    def is_ready(self, handle: Handle) -> bool:
        """What a probe of it would find."""
        life = self._lives.get(handle.data["number"])
        now = asyncio.get_running_loop().time()
        return life is not None and not life.ended.done() and life.ready_at <= now < life.hangs_at

    def is_alive(self, handle: Handle) -> bool:
        life = self._lives.get(handle.data["number"])
        return life is not None and asyncio.get_running_loop().time() < life.hangs_at

    def _of(self, replica_id: str) -> list[tuple[int, _Life]]:
        return [(number, life) for number, life in self._lives.items() if life.labels.replica_id == replica_id]
