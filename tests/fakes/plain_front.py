"""An HTTP server that records what got through to the application, for tests of the codec alone."""

import asyncio

from homeport.http1.errors import ProtocolError
from homeport.http1.exchange import Exchange
from homeport.http1.head import NO_BODY, UNKNOWN, RequestHead
from homeport.http1.limits import Timeouts
from homeport.http1.server import HttpServer
from homeport.http1.server_connection import ServerConnection
from tests.fakes.silence import read_until_silent


class EchoExchange(Exchange):
    """Answers with the body; records itself in its front."""

    def __init__(self, connection: ServerConnection, head: RequestHead, length: int, front: "PlainFront") -> None:
        super().__init__(connection, head, length)
        self.front = front
        self.body = b""
        self.disconnected = asyncio.Event()

    def on_request(self) -> None:
        self.front.arrived(self)
        if self.length in (NO_BODY, 0):
            self.complete()

    def on_body(self, data: bytes, last: bool) -> None:
        self.body += data
        if last:
            self.complete()

    def complete(self) -> None:
        if self.front.answers:
            self.answer(self.front.status, b"", self.body)

    def chunk(self, data: bytes, last: bool = False) -> None:
        if not self.connection.answering:
            self.connection.send_head(200, b"", UNKNOWN)
        self.connection.send_body(data, last)

    def on_disconnect(self) -> None:
        self.disconnected.set()


class PlainFront:
    """Use as `async with PlainFront() as front`. With `answers` False the test answers itself."""

    def __init__(self, answers: bool = True, status: int = 200, timeouts: Timeouts | None = None) -> None:
        self.answers = answers
        self.status = status
        self.exchanges: list[EchoExchange] = []
        self._arrived: asyncio.Queue[EchoExchange] = asyncio.Queue()
        self.port = 0
        self.server = HttpServer(lambda c, h, n: EchoExchange(c, h, n, self), _render, timeouts)

    async def __aenter__(self) -> "PlainFront":
        self.port = await self.server.start("127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close(0)

    def arrived(self, exchange: EchoExchange) -> None:
        self.exchanges.append(exchange)
        self._arrived.put_nowait(exchange)

    async def next(self) -> EchoExchange:
        """The next request, whose body may still be on its way."""
        return await asyncio.wait_for(self._arrived.get(), 60)

    async def send(self, *pieces: bytes) -> bytes:
        """All that comes back until the server closes, or has been silent for a moment."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        received = await read_until_silent(reader)
        writer.close()
        return received


def _render(error: ProtocolError) -> tuple[bytes, bytes]:
    return b"", error.message.encode()
