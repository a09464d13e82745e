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

    def connect(self, done: Callable[[ReplicaStream], None], failed: Callable[[str, bool], None]) -> "Waiting":
        """`failed` gets what is wrong, and whether somebody answers there who speaks something else."""
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
                problem, speaks_other = await self._dial_one()
                for waiting in list(self._waiting):
                    if problem:
                        waiting.fail(problem, speaks_other)
                    elif (stream := self.take()) is not None:
                        waiting.go(stream)
        finally:
            self._dialling = None

    async def _dial_one(self) -> tuple[str, bool]:
        """As `failed` gets it; nothing is wrong when there is one connection more."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: ReplicaConnection(self), self._host, self._port
                )
                await connection.ready
        except TimeoutError:
            return f"{self.authority} does not answer", False
        except OSError as error:
            return f"cannot connect to {self.authority}: {error.strerror or error}", False
        if connection.speaks_other:
            return f"{self.authority} does not speak HTTP/2; name the port for gRPC in `grpc_port`", True
        if not connection.has_room:
            connection.close()
            return f"{self.authority} takes no requests on a new connection", False
        self._open.append(connection)
        return "", False


class ReplicaConnection(Endpoint):
    """`ready` once the replica has shown whether it speaks HTTP/2."""

    def __init__(self, pool: Http2Pool) -> None:
        super().__init__(pool.authority.encode(), terms=MODEL)
        self._pool = pool
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.speaks_other = False
        self.connection.on_ready = self._on_ready

    @property
    def has_room(self) -> bool:
        return self.is_open and self.connection.has_room

    def connection_lost(self, exc: Exception | None) -> None:
        was_open = self.is_open
        self._pool.forget(self)
        super().connection_lost(exc)
        if not self.ready.done():
            # This end has closed it, for what was said there.
            self.speaks_other = not was_open
            self.ready.set_result(None)

    def _on_ready(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)


class Waiting:
    """A request that waits for a connection. cancel() when nobody wants it any more."""

    def __init__(
        self, line: "dict[Waiting, None]", done: Callable[[ReplicaStream], None], failed: Callable[[str, bool], None]
    ) -> None:
        self._line = line
        self._done = done
        self._failed = failed

    def cancel(self) -> None:
        self._line.pop(self, None)

    def go(self, stream: ReplicaStream) -> None:
        self.cancel()
        self._done(stream)

    def fail(self, problem: str, speaks_other: bool) -> None:
        self.cancel()
        self._failed(problem, speaks_other)
