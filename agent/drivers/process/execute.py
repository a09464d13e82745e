"""Running a command beside a replica."""

import asyncio
import contextlib
import os
import signal

from agent.drivers.driver import Executed, StartRefused
from agent.drivers.process import table
from agent.drivers.process.command import resolve_command
from agent.drivers.process.environment import unmarked

_OUTPUT_BYTES = 4096


async def execute_beside(pid: int, command: tuple[str, ...], timeout_seconds: float) -> Executed:
    """With the environment and the working directory that process `pid` has. See Driver.execute."""
    try:
        working_directory = os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        raise StartRefused("the replica has ended") from None
    environment = unmarked(table.environment(pid))
    arguments = resolve_command(command, working_directory, environment)
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            cwd=working_directory,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise StartRefused(f"cannot run {arguments[0]}: {error.strerror}") from None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(timeout_seconds):
            output = await _last_bytes(process.stdout)
            code = await process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    return Executed(code, output.decode(errors="replace"))


async def _last_bytes(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while chunk := await stream.read(_OUTPUT_BYTES):
        kept = (kept + chunk)[-_OUTPUT_BYTES:]
    return kept
