"""The driver for containers of Docker or Podman.

A container is made, started and removed here, and never restarted: each life of a replica is a container of its own, by
the name hp-REPLICA. An engine that does not answer says nothing about what it runs: whoever waits waits on, and whoever
asks is told UNKNOWN or DriverUnavailable.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from aiodocker import DockerError

from agent.drivers.docker.body import create_body
from agent.drivers.docker.connection import ANSWER_SECONDS, Connection
from agent.drivers.docker.containers import Container, Containers
from agent.drivers.docker.execute import execute_in
from agent.drivers.docker.exit import KILLED, exit_of
from agent.drivers.docker.gpus import check_gpus, device_requests, gpu_obstacle
from agent.drivers.docker.images import image_names
from agent.drivers.docker.labels import Marks, container_name, marks_of
from agent.drivers.docker.log import ContainerLog
from agent.drivers.docker.policy import allowed
from agent.drivers.docker.pull import ensure_image, login_file
from agent.drivers.docker.secret_files import program_of, write_secrets
from agent.drivers.docker.stats import stats_of
from agent.drivers.driver import (
    DriverUnavailable,
    Executed,
    Exit,
    Found,
    Handle,
    Inspection,
    RunState,
    StartRefused,
    StartRequest,
    Stats,
)
from agent.drivers.output import Output
from agent.drivers.runtime import Runtime
from agent.policy import HostPolicy
from agent.secrets.memory_folder import MemoryFolder

_RETRY_SECONDS = 1.0
# An engine may learn a moment after the end that memory was its cause.
_OUT_OF_MEMORY_SECONDS = 0.5
_OUT_OF_MEMORY_LOOKS = 6
_REMOVED = Exit(None, "its container was removed while nobody watched")


class DockerDriver:
    """`directory` gets one folder per replica; `scope` tells this agent's containers from those of others."""

    name = "docker"

    def __init__(self, directory: Path, scope: str, policy: HostPolicy, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._directory = directory
        self._policy = policy
        self._connection = Connection(policy, answer_seconds)
        self._containers = Containers(self._connection, scope)
        self._scope = scope
        self._memory = MemoryFolder(f"docker {scope}")

    async def prepare(self, request: StartRequest, report: Callable[[str], None]) -> None:
        await self._check_engine()
        image = allowed(request, self._policy).image
        await ensure_image(self._connection, image, request.container.pull, report, login_file())

    async def start(self, request: StartRequest) -> Handle:
        await self._check_engine()
        request = allowed(request, self._policy)
        container = await self._create(request)
        try:
            await self._containers.start(container)
            await check_gpus(self._connection, container, request.gpu_uuids)
        except StartRefused:
            await self._containers.remove(container)
            self._memory.remove(request.replica_id)
            raise
        return self._handle(container, marks_of(request))

    async def recover(self, replica_id: str, handle: Handle | None) -> Handle | None:
        found = await self._containers.find(handle.data["container"] if handle else container_name(replica_id))
        if found is None or found.marks is None or found.marks.labels.replica_id != replica_id:
            return None
        if found.never_started:  # the agent died before it came to that
            await self._containers.remove(found.id)
        return self._handle(found.id, found.marks) if found.run_state is RunState.RUNNING else None

    async def find_all(self) -> list[Found]:
        return [
            Found(found.marks.labels, self._handle(found.id, found.marks), found.run_state)
            for found in await self._containers.find_all()
            if found.marks is not None
        ]

    async def execute(self, handle: Handle, command: tuple[str, ...], timeout_seconds: float) -> Executed:
        return await execute_in(self._connection, handle.data["container"], command, timeout_seconds)

    async def wait(self, handle: Handle) -> Exit:
        container = handle.data["container"]
        while True:
            try:
                found = await self._containers.find(container)
                if found is None:
                    return _REMOVED
                if found.run_state is RunState.EXITED:
                    return await self._exit(found)
                async with self._connection.stream("POST", f"containers/{container}/wait", {}) as answer:
                    await answer.read()
            except (DriverUnavailable, DockerError):
                await asyncio.sleep(_RETRY_SECONDS)

    async def stop(self, handle: Handle, grace_seconds: float) -> None:
        """An engine that does not answer is waited for: until it does, nobody can say that the replica has ended."""
        await _patiently(lambda: self._containers.stop(handle.data["container"], grace_seconds))

    async def destroy(self, replica_id: str) -> None:
        """Waits for the engine, too."""
        await _patiently(lambda: self._remove(replica_id))
        shutil.rmtree(self._directory / replica_id, ignore_errors=True)
        self._memory.remove(replica_id)

    async def inspect(self, handle: Handle) -> Inspection:
        try:
            found = await self._containers.find(handle.data["container"])
            if found is None:
                return Inspection(RunState.EXITED, _REMOVED)
            if found.run_state is RunState.EXITED:
                return Inspection(RunState.EXITED, await self._exit(found))
        except DriverUnavailable:
            return Inspection(RunState.UNKNOWN)
        return Inspection(RunState.RUNNING)

    async def address(self, handle: Handle) -> str:
        return await self._containers.address(handle.data["container"])

    async def stats(self, handle: Handle) -> Stats | None:
        path = f"containers/{handle.data['container']}/stats"
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                self._connection.stream("GET", path, {"stream": "0", "one-shot": "1"}) as answer,
            ):
                return stats_of(json.loads(await answer.read()))
        except (DriverUnavailable, DockerError, TimeoutError, ValueError):  # Podman has no JSON for one that ended
            return None

    def logs(self, replica_id: str, tail_lines: int, follow: bool) -> AsyncIterator[bytes]:
        return self._log(replica_id).lines(tail_lines, follow)

    async def tend(self) -> None:
        """The engine rotates what it keeps by itself."""

    async def runtime(self) -> Runtime:
        facts = await self._connection.facts()
        listed = await self._connection.ask(lambda docker: docker.images.list())
        return Runtime(str(facts), gpu_obstacle(facts), image_names(listed))

    async def close(self) -> None:
        await self._connection.close()

    def _handle(self, container: str, marks: Marks) -> Handle:
        return Handle(self.name, 1, marks.host, marks.port, {"container": container}, marks.grpc_port)

    def _log(self, replica_id: str) -> ContainerLog:
        return ContainerLog(self._connection, container_name(replica_id), Output(self._directory / replica_id))

    async def _check_engine(self) -> None:
        facts = await self._connection.facts()
        if facts.problem:
            raise StartRefused(facts.problem)

    async def _create(self, request: StartRequest) -> str:
        """The id of a container for this life, which is there already when the answer to an earlier call was lost."""
        devices = device_requests(request.gpu_uuids, await self._connection.facts())
        program = await self._program(request) if request.secrets.env else []
        secrets = write_secrets(self._memory, request.replica_id, request.secrets)
        name = container_name(request.replica_id)
        body = create_body(request, self._scope, devices, secrets, program)
        created = await self._containers.create(name, body)
        if created is None:
            taken = await self._containers.find(name)
            if taken is not None:
                if taken.marks is None or taken.marks.labels.replica_id != request.replica_id:
                    raise StartRefused(f"another's container has the name {name}; remove it: docker rm {name}")
                if taken.run_state is RunState.RUNNING and taken.marks.labels == request.labels:
                    return taken.id
                await self._log(request.replica_id).keep(taken.id)
                await self._containers.remove(taken.id)
            created = await self._containers.create(name, body)
        if created is None:
            raise StartRefused(f"the name {name} is taken and free in turns; look at: docker ps -a")
        return created

    async def _program(self, request: StartRequest) -> list[str]:
        try:
            image = await self._connection.ask(lambda docker: docker.images.inspect(request.image))
        except DockerError as error:
            raise StartRefused(f"the engine cannot inspect image {request.image}: {error.message}") from None
        return program_of(image, request.container.entrypoint, request.command)

    async def _remove(self, replica_id: str) -> None:
        found = await self._containers.find(container_name(replica_id))
        if found is not None and found.marks is not None:
            await self._containers.remove(found.id)

    async def _exit(self, found: Container) -> Exit:
        for _ in range(_OUT_OF_MEMORY_LOOKS):
            if not found.memory_bytes or found.state["ExitCode"] != KILLED or found.state["OOMKilled"]:
                break
            await asyncio.sleep(_OUT_OF_MEMORY_SECONDS)
            found = await self._containers.find(found.id) or found
        replica_id = found.marks.labels.replica_id if found.marks else ""
        return exit_of(found.state, found.memory_bytes, await self._log(replica_id).last_line(found.id))


async def _patiently(action: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await action()
        except DriverUnavailable:
            await asyncio.sleep(_RETRY_SECONDS)
