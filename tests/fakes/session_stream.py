"""One agent's stream to a SessionService, without gRPC between."""

import asyncio
from collections.abc import AsyncIterator, Callable

from homeport_proto.v1 import session_pb2 as pb

from controlplane.sessions.session_service import SessionService
from tests.fakes.peers import auth_context


class SessionStream:
    """Use as `async with SessionStream(service, node_id) as stream`. `receive` returns None once the server is done."""

    def __init__(self, service: SessionService, node_id: str, certificate: bytes = b"") -> None:
        self._service = service
        self._auth_context = {"x509_pem_cert": [certificate]} if certificate else auth_context(node_id)
        self._up: asyncio.Queue[pb.AgentMessage | None] = asyncio.Queue()
        self._down: asyncio.Queue[pb.ControlMessage | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.epoch = 0

    async def __aenter__(self) -> "SessionStream":
        self._task = asyncio.create_task(self._serve())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.hang_up()
        if self._task:
            await self._task

    def send(self, message: pb.AgentMessage) -> None:
        if not message.HasField("hello"):
            message.epoch = message.epoch or self.epoch
        self._up.put_nowait(message)

    def hang_up(self) -> None:
        self._up.put_nowait(None)

    async def receive(self) -> pb.ControlMessage | None:
        return await asyncio.wait_for(self._down.get(), 60)

    async def expect(self, body: str) -> pb.ControlMessage:
        message = await self.receive()
        assert message is not None, f"the server ended the stream, expected {body}"
        assert message.WhichOneof("body") == body, message
        return message

    async def hello(self, **fields: object) -> pb.DesiredState:
        """Says hello, takes Welcome and returns the snapshot."""
        self.send(pb.AgentMessage(hello=pb.Hello(**fields)))  # type: ignore[arg-type]
        self.epoch = (await self.expect("welcome")).welcome.epoch
        return (await self.expect("desired_state")).desired_state

    # The part of a gRPC context that the service uses.
    def auth_context(self) -> dict[str, list[bytes]]:
        return self._auth_context

    def peer(self) -> str:
        return "ipv4:192.0.2.1:1"

    async def write(self, message: pb.ControlMessage) -> None:
        self._down.put_nowait(message)

    def post(self, message: pb.ControlMessage) -> None:
        self._down.put_nowait(message)

    def leave(self, patience_seconds: float) -> None:
        self.hang_up()

    async def listen(self, hear: Callable[[pb.AgentMessage], None]) -> None:
        async for message in self._messages():
            hear(message)

    async def _serve(self) -> None:
        try:
            await self._service.Connect(self._messages(), self)
        finally:
            self._down.put_nowait(None)

    async def _messages(self) -> AsyncIterator[pb.AgentMessage]:
        while (message := await self._up.get()) is not None:
            yield message
