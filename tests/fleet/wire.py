"""A network between simulated agents and a simulated control plane: streams without gRPC, and links that can be cut.

A cut link is a black hole: nothing arrives, nothing fails. Streams that were open when it was cut stay dead.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from homeport_proto.v1 import session_pb2 as pb

from controlplane.sessions.session_service import SessionService
from tests.fakes.peers import auth_context


class Network:
    """`service` is looked up at each dial: None = nobody listens there now."""

    def __init__(self, service: Callable[[], SessionService | None]) -> None:
        self.service = service
        self.dials: dict[str, int] = {}
        self._cut: set[str] = set()
        self._calls: list[_Call] = []

    def dial(self, node_id: str) -> Any:
        """What a session needs of a grpc.aio.Channel."""
        return _Channel(self, node_id)

    def cut(self, node_id: str) -> None:
        self._cut.add(node_id)
        for call in self._calls:
            if call.node_id == node_id:
                call.black_hole()

    def heal(self, node_id: str) -> None:
        self._cut.discard(node_id)

    def replay(self, node_id: str) -> None:
        """Everything of the node's newest stream arrives once more."""
        newest = [call for call in self._calls if call.node_id == node_id][-1]
        for message in list(newest.delivered):
            newest.to_agent(message)

    async def server_gone(self) -> None:
        """The server's process is no more: every stream that still reaches it breaks at once."""
        calls, self._calls = self._calls, []
        for call in calls:
            await call.break_off()

    def open_call(self, node_id: str) -> "_Call":
        call = _Call(node_id)
        self.dials[node_id] = self.dials.get(node_id, 0) + 1
        service = self.service()
        if node_id in self._cut:
            call.black_hole()
        elif service is None:
            call.refuse()
        else:
            call.serve(service)
            self._calls.append(call)
        return call


class _Channel:
    """The part of a grpc.aio channel that SessionStub uses."""

    def __init__(self, network: Network, node_id: str) -> None:
        self._network = network
        self._node_id = node_id

    async def __aenter__(self) -> "_Channel":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def stream_stream(self, *_: Any, **__: Any) -> Callable[[], "_Call"]:
        return lambda: self._network.open_call(self._node_id)

    def unary_unary(self, *_: Any, **__: Any) -> Any:
        return None


class _Call:
    """Both ends of one stream: the agent's (write, read, cancel, details) and the server's context."""

    def __init__(self, node_id: str) -> None:
        self.node_id = node_id
        self._up: asyncio.Queue[pb.AgentMessage | None] = asyncio.Queue()
        self._down: asyncio.Queue[pb.ControlMessage | None] = asyncio.Queue()
        self.delivered: list[pb.ControlMessage] = []
        self._dead = False
        self._server: asyncio.Task[None] | None = None

    def serve(self, service: SessionService) -> None:
        self._server = asyncio.create_task(self._run(service), name=f"server-side-{self.node_id}")

    def black_hole(self) -> None:
        self._dead = True

    def refuse(self) -> None:
        self._down.put_nowait(None)

    async def break_off(self) -> None:
        if self._server is not None:
            self._server.cancel()
            await asyncio.wait([self._server])

    # The agent's end. Messages are copied, as bytes would be.
    async def write(self, message: pb.AgentMessage) -> None:
        if not self._dead:
            self._up.put_nowait(pb.AgentMessage.FromString(message.SerializeToString()))

    async def read(self) -> pb.ControlMessage | None:
        return await self._down.get()

    def cancel(self) -> None:
        if not self._dead:
            self._up.put_nowait(None)

    async def details(self) -> str:
        return "the stream ended"

    # The server's end.
    def auth_context(self) -> dict[str, list[bytes]]:
        return auth_context(self.node_id)

    def to_agent(self, message: pb.ControlMessage) -> None:
        if not self._dead:
            copied = pb.ControlMessage.FromString(message.SerializeToString())
            self.delivered.append(copied)
            self._down.put_nowait(copied)

    def end(self) -> None:
        self._up.put_nowait(None)

    async def _run(self, service: SessionService) -> None:
        try:
            await service.Connect(self.messages(), _Context(self))
        finally:
            if not self._dead:
                self._down.put_nowait(None)

    async def messages(self) -> AsyncIterator[pb.AgentMessage]:
        while (message := await self._up.get()) is not None:
            yield message


class _Context:
    def __init__(self, call: _Call) -> None:
        self._call = call
        self.auth_context = call.auth_context

    async def write(self, message: pb.ControlMessage) -> None:
        self._call.to_agent(message)

    def post(self, message: pb.ControlMessage) -> None:
        self._call.to_agent(message)

    def leave(self, patience_seconds: float) -> None:
        self._call.end()

    async def listen(self, hear: Callable[[pb.AgentMessage], None]) -> None:
        async for message in self._call.messages():
            hear(message)
