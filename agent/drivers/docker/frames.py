"""How an engine sends stdout and stderr over one connection."""

import asyncio
import struct
from collections.abc import AsyncIterator

import aiohttp

_HEAD = struct.Struct(">BxxxL")


async def frames(answer: aiohttp.StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    """(1 for stdout or 2 for stderr, one message), until the end."""
    while True:
        try:
            source, length = _HEAD.unpack(await answer.readexactly(_HEAD.size))
            yield source, await answer.readexactly(length)
        except asyncio.IncompleteReadError:
            return
