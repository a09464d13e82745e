"""What a peer says until it falls silent."""

import asyncio
import contextlib

# Turns of the event loop, each with a short sleep, and not seconds: a busy machine stops us and the peer alike.
_TURNS = 30
_TURN_SECONDS = 0.01


async def read_until_silent(reader: asyncio.StreamReader, turns: int = _TURNS) -> bytes:
    """All that comes until the end of the stream, or until nothing has come for so many turns."""
    received = bytearray()

    async def receive() -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                received.extend(data)

    receiving = asyncio.create_task(receive())
    silent = 0
    while silent < turns and not receiving.done():
        before = len(received)
        await asyncio.sleep(_TURN_SECONDS)
        silent = silent + 1 if len(received) == before else 0
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    return bytes(received)
