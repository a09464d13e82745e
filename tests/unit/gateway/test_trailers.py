"""Header lines behind chunked bodies travel both ways, and only such as may."""

import asyncio

import pytest

from tests.fakes.data_plane import TOKEN, DataPlane
from tests.fakes.model_server import Call, ModelServer

HEAD = f"POST /d/chat/x HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {TOKEN}\r\ntransfer-encoding: chunked\r\n"
FORBIDDEN = (
    "Host: evil\r\nAuthorization: Bearer x\r\nX-Homeport-Deployment: b\r\nSet-Cookie: a=b\r\nContent-Type: a/b\r\n"
    "X-Request-Id: forged\r\nhp-timing: 1\r\nX_Twin: 1\r\nTE: trailers\r\nTrailer: x-a\r\n"
)
ALLOWED = "X-Checksum: abc\r\ngrpc-status: 0\r\n"
SENT_ON = b"x-checksum: abc\r\ngrpc-status: 0\r\n"


async def answer_with_trailers(call: Call) -> None:
    """Records what stood behind the body; has lines behind its own."""
    raw = b""
    while not raw.endswith(b"0\r\n\r\n") and b"0\r\nx-checksum" not in raw:
        raw += await call.reader.read(65536)
    while not raw.endswith(b"\r\n\r\n"):
        raw += await call.reader.read(65536)
    call.body = raw
    call.begin_chunks("text/plain")
    call.chunk(b"abc")
    call.writer.write(f"0\r\n{ALLOWED}{FORBIDDEN}\r\n".encode())


async def in_pieces(*pieces: str) -> tuple[bytes, bytes]:
    """What the client and the model heard of a request that is sent so."""
    async with DataPlane() as plane:
        server = ModelServer(answer_with_trailers, read_bodies=False)
        await plane.serve(server)
        client = await plane.connect()
        for piece in pieces:
            client.writer.write(piece.encode())
            await client.writer.drain()
            await asyncio.sleep(0.01)
        async with asyncio.timeout(60):
            heard = await client.reader.readuntil(b"\r\n0\r\n")
            while not heard.endswith(b"\r\n\r\n"):
                heard += await client.reader.readline()
        # The connection goes on.
        status, _, body = await client.ask("GET", "/healthz")
        assert (status, body) == (200, b'{"status":"ok"}')
        return heard, server.calls[0].body


@pytest.mark.parametrize("cut", [False, True])
async def test_trailers_pass_both_ways_without_those_that_may_not(cut: bool) -> None:
    parts = (f"{HEAD}te: trailers\r\nconnection: te\r\n\r\n", "5\r\nhello\r\n", "0\r\n", ALLOWED, f"{FORBIDDEN}\r\n")
    heard, seen = await in_pieces(*(parts if cut else ("".join(parts),)))
    assert seen == b"5\r\nhello\r\n0\r\n" + SENT_ON + b"\r\n"
    assert heard.endswith(b"3\r\nabc\r\n0\r\n" + SENT_ON + b"\r\n")


async def test_who_does_not_ask_for_trailers_gets_none() -> None:
    heard, seen = await in_pieces(f"{HEAD}\r\n5\r\nhello\r\n0\r\n{FORBIDDEN}\r\n")
    assert seen == b"5\r\nhello\r\n0\r\n\r\n"
    assert heard.endswith(b"3\r\nabc\r\n0\r\n\r\n")


async def test_trailers_wait_for_a_replica_as_their_body_does() -> None:
    async with DataPlane() as plane:
        server = ModelServer(answer_with_trailers, read_bodies=False)
        client = await plane.connect()
        await plane.serve()
        client.writer.write(f"{HEAD}\r\n5\r\nhello\r\n0\r\n{ALLOWED}\r\n".encode())
        await plane.until(lambda: plane.node.relay.demand("chat").queued == 1)
        await plane.serve(server)
        assert (await client.answer())[0] == 200
        assert server.calls[0].body == b"5\r\nhello\r\n0\r\n" + SENT_ON + b"\r\n"


async def test_an_empty_body_may_have_trailers() -> None:
    async with DataPlane() as plane:

        async def empty(call: Call) -> None:
            call.begin_chunks("text/plain")
            call.writer.write(b"0\r\nx-checksum: abc\r\n\r\n")

        await plane.serve(ModelServer(empty))
        client = await plane.connect()
        for _ in range(2):
            client.send("GET", "/d/chat/x", headers="te: trailers\r\n")
            assert (await client.head())[0] == 200
            async with asyncio.timeout(60):
                assert await client.reader.readuntil(b"\r\n\r\n") == b"0\r\nx-checksum: abc\r\n\r\n"


@pytest.mark.parametrize(
    "line", ["X-A: b\rc\r\n", "X-A: b\0c\r\n", "X-A : b\r\n", "X-A\r\n", "X-A: b\nX-B: c\r\n", "Content-Length: 3\r\n"]
)
async def test_malformed_trailers_are_refused(line: str) -> None:
    async with DataPlane() as plane:
        server = ModelServer(answer_with_trailers, read_bodies=False)
        await plane.serve(server)
        client = await plane.connect()
        client.writer.write(f"{HEAD}\r\n5\r\nhello\r\n0\r\n{line}\r\n".encode())
        assert (await client.at_end()).startswith(b"HTTP/1.1 400 ")
        # What it was sent of it never became a whole request.
        for call in server.calls:
            await asyncio.wait_for(call.gone.wait(), 60)
            assert call.body == b""
