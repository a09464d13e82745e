"""Carries a link over a gRPC stream: a reader that waits for nobody, a writer that sends one turn at a time."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from homeport.tunnel.errors import TunnelProtocolError
from homeport.tunnel.link import Link

# What gRPC calls the service; messages are bytes, see envelope.py.
SERVICE = "homeport.v1.Tunnel"
METHOD = "Attach"
EPOCH = "hp-epoch"
WORKER_ID = "hp-worker-id"
WORKER_IDS = "hp-worker-ids"

# A message costs gRPC far more than its frames do. With this many requests in flight the next turns' frames are
# gathered for a moment before they are sent.
_BUSY = 32
_GATHER_SECONDS = 0.0005


class Carrier:
    def __init__(self, node_id: str = "") -> None:
        self.link = Link(self._wake, node_id)
        self._sleeper: asyncio.Future[None] | None = None

    async def carry(self, read: Callable[[], Awaitable[Any]], write: Callable[[bytes], Awaitable[None]]) -> str:
        """Runs until either side ends, then takes the link's requests down. Returns why it ended."""
        reason = "the tunnel was closed"
        writer = asyncio.ensure_future(self._write(write))
        reader = asyncio.ensure_future(self._read(read))
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            reason = _reason(reader if reader.done() else writer)
        finally:
            self.link.close(reason)
            for task in (reader, writer):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, grpc.RpcError, TunnelProtocolError):
                    await task
        return reason

    async def _read(self, read: Callable[[], Awaitable[Any]]) -> str:
        feed = self.link.feed
        while (message := await read()) is not grpc.aio.EOF:
            feed(message)
        return "the other end closed the tunnel"

    async def _write(self, write: Callable[[bytes], Awaitable[None]]) -> str:
        outbox, streams = self.link.outbox, self.link.streams
        while True:
            message = outbox.take()
            if message is not None:
                await write(message)
                if len(streams) >= _BUSY:
                    await asyncio.sleep(_GATHER_SECONDS)
                continue
            # Woken by the first frame of a turn, this runs again after the turn: the rest of its frames are there.
            self._sleeper = asyncio.get_running_loop().create_future()
            await self._sleeper

    def _wake(self) -> None:
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)


def _reason(task: "asyncio.Future[str]") -> str:
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, grpc.aio.AioRpcError):
        return f"the tunnel was lost: {error.details() or error.code().name}"
    return f"the tunnel was lost: {error}"
