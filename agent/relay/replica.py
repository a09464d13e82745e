"""A ready replica: its connections and what is in flight on it."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.relay.deployment import Upstream
from homeport.http1.client import ClientPool

if TYPE_CHECKING:
    from agent.relay.request import RelayedRequest


class Replica:
    def __init__(self, upstream: Upstream, monotonic: Callable[[], float]) -> None:
        self.upstream = upstream
        self.pool = ClientPool(upstream.host, upstream.port, monotonic)
        self.host_line = f"host: {_host(upstream)}\r\n".encode()
        self.in_flight: set[RelayedRequest] = set()
        # Takes nothing new.
        self.leaving = False
        self._emptied: list[asyncio.Future[None]] = []

    def release(self, request: "RelayedRequest") -> None:
        self.in_flight.discard(request)
        if not self.in_flight and self.leaving:
            self._finish()

    def leave(self) -> None:
        self.leaving = True
        for request in tuple(self.in_flight):
            request.on_replica_leaving()
        if not self.in_flight:
            self._finish()

    async def emptied(self) -> None:
        """Until nothing is in flight here."""
        if self.in_flight:
            future = asyncio.get_running_loop().create_future()
            self._emptied.append(future)
            await future

    def _finish(self) -> None:
        self.pool.close()
        for future in self._emptied:
            if not future.done():
                future.set_result(None)
        self._emptied.clear()


def _host(upstream: Upstream) -> str:
    host = f"[{upstream.host}]" if ":" in upstream.host else upstream.host
    return f"{host}:{upstream.port}"
