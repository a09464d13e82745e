"""The probe against servers that behave and servers that do not."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent.reconcile.http_probe import probe_http


@asynccontextmanager
async def _server(answer: bytes, hold: asyncio.Event | None = None) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if hold:
            await hold.wait()
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", ""),
        (b"HTTP/1.0 204\r\n\r\n", ""),
        (b"HTTP/1.1 302 Found\r\n\r\n", ""),
        (b"HTTP/1.1 503 Loading\r\n\r\n", "GET /health answered 503"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "GET /health answered 404"),
        (b"", "closed the connection without an answer"),
        (b"hello\r\n", "does not speak HTTP"),
        (b"x" * 10_000, "does not speak HTTP"),
    ],
)
async def test_the_status_line_decides(answer: bytes, problem: str) -> None:
    async with _server(answer) as port:
        assert await probe_http("127.0.0.1", port, "/health", 5) == problem


async def test_silence_ends_at_the_timeout() -> None:
    hold = asyncio.Event()
    async with _server(b"HTTP/1.1 200 OK\r\n\r\n", hold) as port:
        assert await probe_http("127.0.0.1", port, "/health", 0.05) == "no answer within 0.05 s"
        hold.set()


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert await probe_http("127.0.0.1", port, "/", 5) == "nothing listens on its port yet"
