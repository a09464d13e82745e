"""Errors of GPUs as the driver reports them, heard by a child process that may die with the driver."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable

import structlog

from agent.fingerprint.gpu_nvidia import library_is_present

log = structlog.get_logger()

AGAIN_SECONDS = 60.0


async def follow_xids(tell: Callable[[str, int], Awaitable[None]], again_seconds: float = AGAIN_SECONDS) -> None:
    """Until cancelled: tells (uuid, XID) of each. Without an NVIDIA driver it waits for one."""
    while True:
        if library_is_present():
            await _listen(tell)
        await asyncio.sleep(again_seconds)


async def _listen(tell: Callable[[str, int], Awaitable[None]]) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agent.fingerprint.nvml_events",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert child.stdout is not None
    try:
        async for line in child.stdout:
            event = json.loads(line)
            await tell(event["uuid"], event["xid"])
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
    log.info("nobody listens to the GPUs' driver for a while")
