"""gRPC's health check against gRPC's own server, and against what is none."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import pytest

from agent.reconcile.grpc_probe import probe_grpc

PATIENCE = 60.0


class Health(grpc.GenericRpcHandler):  # type: ignore[misc, unused-ignore]
    def __init__(self, answer: bytes | grpc.StatusCode | None) -> None:
        self.answer = answer

    def service(self, details: Any) -> Any:
        async def check(message: bytes, context: Any) -> bytes:
            if isinstance(self.answer, grpc.StatusCode):
                await context.abort(self.answer, "not today")
            if self.answer == b"slow":
                await asyncio.sleep(3600)
            return bytes(self.answer)  # type: ignore[arg-type]

        if self.answer is None or details.method != "/grpc.health.v1.Health/Check":
            return None
        return grpc.unary_unary_rpc_method_handler(check)


@asynccontextmanager
async def replica(answer: bytes | grpc.StatusCode | None) -> AsyncIterator[int]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((Health(answer),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield port
    await server.stop(0)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"\x08\x01", ""),
        (b"\x08\x02", "says NOT_SERVING"),
        (b"", "says UNKNOWN"),
        (b"hello", "says something else"),
        (grpc.StatusCode.NOT_FOUND, "answered its health check with status 5: not today"),
        (None, "has no health check of gRPC; a probe of type tcp asks for less"),
    ],
)
async def test_serving_is_ready(answer: bytes | grpc.StatusCode | None, problem: str) -> None:
    heard: list[bool] = []
    async with replica(answer) as port:
        assert await probe_grpc("127.0.0.1", port, PATIENCE, lambda: heard.append(True)) == problem
    assert heard == [True]


async def test_silence_ends_at_the_timeout() -> None:
    async with replica(b"slow") as port:
        assert await probe_grpc("127.0.0.1", port, 0.2) == "no answer within 0.2 s"


async def test_what_speaks_no_grpc() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await probe_grpc("127.0.0.1", port, PATIENCE) == "does not speak gRPC"


async def test_a_closed_port_is_not_listened_on_yet() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert await probe_grpc("127.0.0.1", port, PATIENCE) == "nothing listens on its port yet"
