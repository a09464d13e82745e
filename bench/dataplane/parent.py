"""Parts of the bench end with it, however it ends: their standard input is a pipe that it holds."""

import asyncio
import sys


async def until_parent_ends() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
