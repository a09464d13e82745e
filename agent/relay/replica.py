"""A ready replica: its connections and what is in flight on it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.relay.deployment import Upstream
from agent.relay.http2_pool import Http2Pool
from homeport.core.balance.ejection import Standing
from homeport.http1.client import ClientPool

if TYPE_CHECKING:
    from agent.relay.request import RelayedRequest


class Replica:
    def __init__(self, upstream: Upstream, capacity: int, monotonic: Callable[[], float]) -> None:
        self.upstream = upstream
        # Requests that it takes at once.
        self.capacity = capacity
        self.pool = ClientPool(upstream.host, upstream.port, monotonic)
        self.http2 = Http2Pool(upstream.host, upstream.grpc_port or upstream.port)
        self.host_line = f"host: {_host(upstream)}\r\n".encode()
        self.requests: set[RelayedRequest] = set()
        # To the first byte of an answer, where that is compared; 0 = not known.
        self.latency_seconds = 0.0
        # It fails its health checks: nothing comes here while anybody else is there.
        self.is_unwell = False
        # None = sound.
        self.standing: Standing | None = None
        # Somebody wants to know of its answers.
        self.is_watched = False
        # Takes nothing new.
        self.leaving = False
        self._emptied: list[asyncio.Future[None]] = []

    @property
    def name(self) -> str:
        return self.upstream.replica_id

    @property
    def in_flight(self) -> int:
        return len(self.requests)

    def is_at(self, upstream: Upstream | None) -> bool:
        return upstream is not None and replace(upstream, is_unwell=self.upstream.is_unwell) == self.upstream

    def release(self, request: "RelayedRequest") -> None:
        self.requests.discard(request)
        if not self.requests and self.leaving:
            self._finish()

    def leave(self) -> None:
        self.leaving = True
        for request in tuple(self.requests):
            request.on_replica_leaving()
        if not self.requests:
            self._finish()

    async def emptied(self) -> None:
        """Until nothing is in flight here."""
        if self.requests:
            future = asyncio.get_running_loop().create_future()
            self._emptied.append(future)
            await future

    def _finish(self) -> None:
        self.pool.close()
        self.http2.close()
        for future in self._emptied:
            if not future.done():
                future.set_result(None)
        self._emptied.clear()


def _host(upstream: Upstream) -> str:
    host = f"[{upstream.host}]" if ":" in upstream.host else upstream.host
    return f"{host}:{upstream.port}"
