"""Running a command inside a container."""

import asyncio
import contextlib
import os
import signal

from aiodocker import DockerError

from agent.drivers.docker.connection import Connection
from agent.drivers.docker.frames import frames
from agent.drivers.driver import Executed, StartRefused

_OUTPUT_BYTES = 4096
_HAS_ENDED = (404, 409)
_CANNOT_RUN = (126, 127)


async def execute_in(
    connection: Connection, container: str, command: tuple[str, ...], timeout_seconds: float
) -> Executed:
    """See Driver.execute. One that takes too long is ended where the agent may signal the engine's processes."""
    try:
        execution = await connection.ask(lambda docker: docker.containers.container(container).exec(list(command)))
        output = await _output(connection, execution.id, timeout_seconds)
        told = await connection.ask(lambda docker: docker.containers.exec(execution.id).inspect())
    except DockerError as error:
        if error.status in _HAS_ENDED or "container state improper" in error.message:  # so Podman says it
            raise StartRefused("the replica has ended") from None
        raise StartRefused(f"cannot run {command[0]}: {error.message}") from None
    if output is None:
        with contextlib.suppress(OSError):
            os.kill(told["Pid"], signal.SIGKILL)
        raise TimeoutError(f"{command[0]} did not end within {timeout_seconds:g} s")
    code, text = told["ExitCode"], output.decode(errors="replace")
    if code in _CANNOT_RUN and "exec failed" in text:
        raise StartRefused(f"command {command[0]!r} is not in the image")
    return Executed(code, text)


async def _output(connection: Connection, execution: str, timeout_seconds: float) -> bytes | None:
    """The end of it; None when it goes on for too long."""
    kept = b""
    how = {"Detach": False, "Tty": False}
    try:
        async with (
            asyncio.timeout(timeout_seconds),
            connection.stream("POST", f"exec/{execution}/start", {}, body=how) as answer,
        ):
            async for _, text in frames(answer):
                kept = (kept + text)[-_OUTPUT_BYTES:]
        return kept
    except TimeoutError:
        return None
