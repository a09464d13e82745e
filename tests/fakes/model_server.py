"""A model server that does what its test says."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass
class Call:
    """One request as it arrived, and the connection to answer on."""

    line: str
    headers: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    body: bytes = b""
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, body: bytes, status: str = "200 OK", headers: str = "") -> None:
        self.writer.write(f"HTTP/1.1 {status}\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body)

    def begin_chunks(self, content_type: str = "text/event-stream") -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
        self.writer.write(head.encode())

    def chunk(self, data: bytes) -> None:
        self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))


async def echo(call: Call) -> None:
    call.answer(call.body)


class ModelServer:
    """`handler` gets each call after its body. With `read_bodies` False it reads the body itself."""

    def __init__(self, handler: Callable[[Call], Awaitable[None]] = echo, read_bodies: bool = True) -> None:
        self.handler = handler
        self.read_bodies = read_bodies
        self.calls: list[Call] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=2**16)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while call := await self._read_call(reader, writer):
                self.calls.append(call)
                await self.handler(call)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            for call in self.calls:
                if call.writer is writer:
                    call.gone.set()
            writer.close()

    async def _read_call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Call | None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in lines)}
        call = Call(line, headers, reader, writer)
        if not self.read_bodies:
            return call
        if headers.get("transfer-encoding") == "chunked":
            while size := int(await reader.readuntil(b"\r\n"), 16):
                call.body += (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
        else:
            call.body = await reader.readexactly(int(headers.get("content-length", "0")))
        return call
