"""Large and slow bodies: they pass whole, hold up nobody else, and are never gathered in memory."""

import asyncio
import hashlib
import tracemalloc

from tests.fakes.data_plane import TOKEN, DataPlane
from tests.fakes.model_server import Call, ModelServer

MIB = 1024 * 1024
PIECE = bytes(range(256)) * 256
LARGE = 48 * MIB


async def download(call: Call) -> None:
    call.writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n".encode())
    for _ in range(LARGE // len(PIECE)):
        call.writer.write(PIECE)
        await call.writer.drain()


async def test_a_large_answer_passes_whole_and_in_bounded_memory() -> None:
    async with DataPlane() as plane:
        await plane.serve(ModelServer(download))
        client = await plane.connect()
        client.send("GET", "/d/chat/file")
        await client.head()
        tracemalloc.start()
        try:
            digest, left = hashlib.sha256(), LARGE
            async with asyncio.timeout(60):
                while left:
                    data = await client.reader.read(min(left, MIB))
                    digest.update(data)
                    left -= len(data)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert digest.digest() == hashlib.sha256(PIECE * (LARGE // len(PIECE))).digest()
        assert peak < 16 * MIB


async def test_a_large_request_passes_whole_and_in_bounded_memory() -> None:
    async with DataPlane() as plane:
        received = hashlib.sha256()

        async def upload(call: Call) -> None:
            left = int(call.headers["content-length"])
            while left:
                data = await call.reader.read(min(left, MIB))
                received.update(data)
                left -= len(data)
            call.answer(b"got it")

        await plane.serve(ModelServer(upload, read_bodies=False))
        client = await plane.connect()
        head = f"POST /d/chat/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {LARGE}\r\n\r\n"
        client.writer.write(head.encode())
        tracemalloc.start()
        try:
            async with asyncio.timeout(60):
                for _ in range(LARGE // len(PIECE)):
                    client.writer.write(PIECE)
                    await client.writer.drain()
                status, _, body = await client.answer()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert (status, body) == (200, b"got it")
        assert received.digest() == hashlib.sha256(PIECE * (LARGE // len(PIECE))).digest()
        assert peak < 16 * MIB


async def test_chunked_requests_keep_their_bytes() -> None:
    async with DataPlane() as plane:
        server = ModelServer()
        await plane.serve(server)
        client = await plane.connect()
        client.writer.write(
            f"POST /d/chat/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {TOKEN}\r\n"
            "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n".encode()
        )
        await plane.until(lambda: bool(plane.gateway.active))
        client.writer.write(b"6\r\n world\r\n0\r\n\r\n")
        status, _, body = await client.answer()
        assert (status, body) == (200, b"hello world")
        assert server.calls[0].headers["transfer-encoding"] == "chunked"


async def test_a_stale_idle_connection_is_not_used() -> None:
    async with DataPlane() as plane:
        first = True

        async def once(call: Call) -> None:
            nonlocal first
            call.answer(b"ok")
            if first:
                # Says nothing of it and closes: an idle timeout of the model server.
                first = False
                await call.writer.drain()
                call.writer.close()
                call.gone.set()

        server = ModelServer(once)
        await plane.serve(server)
        client = await plane.connect()
        for _ in range(3):
            status, _, body = await client.ask("POST", "/d/chat/x", b"not to be sent twice")
            assert (status, body) == (200, b"ok")
            await asyncio.wait_for(server.calls[0].gone.wait(), 60)
        assert len(server.calls) == 3
