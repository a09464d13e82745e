"""Connections of HTTP/2 to one replica: its requests share them, and one more is dialled where these are full."""

import asyncio
from collections.abc import Callable

from agent.relay.http2_request import ReplicaStream
from homeport.http2.endpoint import Endpoint
from homeport.http2.terms import MODEL

_CONNECT_SECONDS = 5.0


class Http2Pool:
    def __init__(self, host: str, port: int) -> None:
        self.authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._host = host
        self._port = port
        self._open: list[ReplicaConnection] = []
        self._waiting: dict[Waiting, None] = {}
        self._dialling: asyncio.Task[None] | None = None

    def take(self) -> ReplicaStream | None:
        """A stream-to-be on a connection that has room for it, or None: then connect()."""
        for connection in self._open:
            if connection.has_room:
                return ReplicaStream(connection)
        return None

    def connect(self, done: Callable[[ReplicaStream], None], failed: Callable[[str], None]) -> "Waiting":
        waiting = Waiting(self._waiting, done, failed)
        self._waiting[waiting] = None
        if self._dialling is None:
            self._dialling = asyncio.get_running_loop().create_task(self._dial())
        return waiting

    def close(self) -> None:
        """Nothing is in flight any more."""
        if self._dialling is not None:
            self._dialling.cancel()
        for connection in self._open:
            connection.close()

    def forget(self, connection: "ReplicaConnection") -> None:
        if connection in self._open:
            self._open.remove(connection)

    async def _dial(self) -> None:
        try:
            while self._waiting:
                problem = await self._dial_one()
                for waiting in list(self._waiting):
                    if problem:
                        waiting.fail(problem)
                    elif (stream := self.take()) is not None:
                        waiting.go(stream)
        finally:
            self._dialling = None

    async def _dial_one(self) -> str:
        """What was wrong; empty when there is one connection more."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: ReplicaConnection(self), self._host, self._port
                )
                problem = await connection.ready
        except TimeoutError:
            return f"{self.authority} does not answer"
        except OSError as error:
            return f"cannot connect to {self.authority}: {error.strerror or error}"
        if problem:
            return problem
        if not connection.has_room:
            connection.close()
            return f"{self.authority} takes no requests on a new connection"
        self._open.append(connection)
        return ""


class ReplicaConnection(Endpoint):
    """`ready` becomes what is wrong with it, empty when the replica has shown that it speaks HTTP/2."""

    def __init__(self, pool: Http2Pool) -> None:
        super().__init__(pool.authority.encode(), terms=MODEL)
        self._pool = pool
        self.ready: asyncio.Future[str] = self._loop.create_future()
        self.connection.on_ready = self._on_ready

    @property
    def has_room(self) -> bool:
        return self.is_open and self.connection.has_room

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.forget(self)
        super().connection_lost(exc)
        if not self.ready.done():
            self.ready.set_result(f"{self._pool.authority} does not speak HTTP/2, which gRPC needs")

    def _on_ready(self) -> None:
        if not self.ready.done():
            self.ready.set_result("")


class Waiting:
    """A request that waits for a connection. cancel() when nobody wants it any more."""

    def __init__(
        self, line: "dict[Waiting, None]", done: Callable[[ReplicaStream], None], failed: Callable[[str], None]
    ) -> None:
        self._line = line
        self._done = done
        self._failed = failed

    def cancel(self) -> None:
        self._line.pop(self, None)

    def go(self, stream: ReplicaStream) -> None:
        self.cancel()
        self._done(stream)

    def fail(self, problem: str) -> None:
        self.cancel()
        self._failed(problem)
