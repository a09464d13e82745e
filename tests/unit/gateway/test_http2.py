"""HTTP/2 on the client port: what HTTP/1.1 does, on streams."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest

from homeport.http1.limits import Timeouts
from homeport.http2 import frames
from homeport.http2.errors import REFUSED_STREAM
from homeport.http2.frames import PREFACE, frame
from homeport.http2.header_block import Headers
from homeport.http2.header_encoder import HeaderEncoder
from homeport.http2.terms import CLIENT
from homeport.tls import front_tls, load_pair
from tests.fakes.certs import authority, issue
from tests.fakes.data_plane import DataPlane
from tests.fakes.http2_client import Http2Client, connect
from tests.fakes.model_server import Call, ModelServer

MIB = 1024 * 1024


@pytest.fixture
async def plane() -> AsyncIterator[DataPlane]:
    async with DataPlane() as plane:
        yield plane


@pytest.fixture
async def client(plane: DataPlane) -> AsyncIterator[Http2Client]:
    client = await connect(plane.port)
    yield client
    client.close()


async def test_requests_and_answers_as_over_http_1(plane: DataPlane, client: Http2Client) -> None:
    server = ModelServer()
    await plane.serve(server)
    answer = await client.answer("POST", "/d/chat/predict?x=1", b"hello", [(b"x-request-id", b"abc")])
    assert (answer.status, answer.body, answer.heads[0][b"x-request-id"]) == (200, b"hello", b"abc")
    call = server.calls[0]
    assert call.line == "POST /predict?x=1 HTTP/1.1"
    assert "authorization" not in call.headers
    assert call.headers["host"] == f"127.0.0.1:{server.port}"
    models = await client.answer("GET", "/v1/models", None)
    assert models.status == 200 and b"chat" in models.body
    nothing = await client.answer("GET", "/elsewhere", None)
    assert nothing.status == 404


async def test_large_bodies_pass_both_ways_on_many_streams(plane: DataPlane, client: Http2Client) -> None:
    await plane.serve(ModelServer())
    bodies = [bytes([65 + number]) * (2 * MIB + number) for number in range(4)]
    asked = [client.ask("POST", "/d/chat/echo", body) for body in bodies]
    for each, body in zip(asked, bodies, strict=True):
        await each.until()
        assert (each.status, each.body == body) == (200, True)


async def test_what_nobody_takes_is_held_back(plane: DataPlane, client: Http2Client) -> None:
    """The model reads nothing: of the body no more is here than the windows on the way allow."""
    gone = asyncio.Event()

    async def deaf(call: Call) -> None:
        await gone.wait()

    await plane.serve(ModelServer(deaf, read_bodies=False))
    asked = client.ask("POST", "/d/chat/echo", b"x" * 16 * MIB)
    other = await client.answer("GET", "/v1/models", None)
    assert other.status == 200
    await asyncio.sleep(0.3)
    assert asked.has_unsent
    asked.cancel()
    gone.set()


async def test_a_client_that_cancels_stops_the_model(plane: DataPlane, client: Http2Client) -> None:
    stopped = asyncio.Event()

    async def stream(call: Call) -> None:
        call.begin_chunks()
        call.chunk(b"data: 0\n\n")
        await call.reader.read()
        stopped.set()

    await plane.serve(ModelServer(stream))
    asked = client.ask("POST", "/v1/chat/completions", b'{"model":"chat"}')
    await asked.until(lambda: asked.body == b"data: 0\n\n")
    asked.cancel()
    async with asyncio.timeout(60):
        await stopped.wait()
    await plane.until(lambda: not plane.gateway.active)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/d/chat/../x", []),
        ("//d/chat/x", []),
        ("http://elsewhere/d/chat/x", []),
        ("/d/chat/x", [(b"x-a", b"1\r\ntransfer-encoding: chunked")]),
        ("/d/chat/x", [(b"x-a", b"1\x00")]),
        ("/d/chat/x", [(b"x a", b"1")]),
        ("/d/chat/x", [(b"x-a: b\r\nx-c", b"1")]),
        ("/d/chat/x", [(b"host", b"other")]),
        ("/d/chat/x", [(b"content-length", b"5"), (b"content-length", b"6")]),
        ("/d/chat/x", [(b"content-length", b"+5")]),
    ],
)
async def test_what_would_be_read_differently_behind_us_is_refused(
    plane: DataPlane, client: Http2Client, path: str, fields: Headers
) -> None:
    server = ModelServer()
    await plane.serve(server)
    answer = await client.answer("POST", path, b"hello", fields)
    assert answer.status == 400
    assert not server.calls


@pytest.mark.parametrize("length", [b"4", b"6"])
async def test_a_body_of_another_length_than_announced_is_never_whole(
    plane: DataPlane, client: Http2Client, length: bytes
) -> None:
    server = ModelServer()
    await plane.serve(server)
    answer = await client.answer("POST", "/d/chat/x", b"hello", [(b"content-length", length)])
    assert answer.reset is not None
    assert not any(call.body for call in server.calls)


async def test_hop_by_hop_headers_end_here(plane: DataPlane, client: Http2Client) -> None:
    server = ModelServer()
    await plane.serve(server)
    answer = await client.answer("POST", "/d/chat/x", b"", [(b"connection", b"close")])
    assert answer.reset is not None
    await client.answer("POST", "/d/chat/x", b"", [(b"cookie", b"a=1"), (b"cookie", b"b=2")])
    assert server.calls[-1].headers["cookie"] == "a=1; b=2"


async def test_trailers_pass_both_ways(plane: DataPlane, client: Http2Client) -> None:
    async def trailing(call: Call) -> None:
        call.body = await call.reader.readexactly(30)
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        call.writer.write(head + b"5\r\nhello\r\n0\r\nx-sum: 1\r\ncontent-type: x\r\n\r\n")

    server = ModelServer(trailing, read_bodies=False)
    await plane.serve(server)
    asked = client.ask("POST", "/d/chat/x", b"question", [(b"te", b"trailers")], last=False)
    asked.trail([(b"x-asked", b"2"), (b"content-length", b"3")])
    asked.send(b"", True)
    await asked.until()
    assert (asked.body, asked.heads[1]) == (b"hello", {b"x-sum": b"1"})
    assert server.calls[0].body == b"8\r\nquestion\r\n0\r\nx-asked: 2\r\n\r\n"


async def test_a_preface_may_come_byte_by_byte(plane: DataPlane) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    for byte in PREFACE:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    writer.write(frame(frames.SETTINGS, 0, 0))
    async with asyncio.timeout(60):
        header = await reader.readexactly(9)
    assert header[3] == frames.SETTINGS
    writer.transport.abort()


async def test_who_says_too_little_is_shown_out() -> None:
    async with DataPlane(timeouts=Timeouts(head=0.1)) as plane:
        reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
        writer.write(PREFACE[:5])
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.transport.abort()


async def test_an_idle_connection_is_closed_with_a_reason() -> None:
    async with DataPlane(timeouts=Timeouts(idle=0.1)) as plane:
        client = await connect(plane.port)
        async with asyncio.timeout(60):
            await client.endpoint.closed
        assert "nothing was asked for long" in (client.endpoint.connection.going_away or "")


async def test_requests_are_no_flood_and_resets_are(plane: DataPlane, client: Http2Client) -> None:
    for _ in range(20):
        answers = [client.ask("GET", "/healthz", None) for _ in range(100)]
        for answer in answers:
            await answer.until()
            assert answer.status == 200
    assert not client.endpoint.closed.done()
    block = HeaderEncoder().encode(
        [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/healthz"), (b":authority", b"a")]
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", plane.port)
    writer.write(PREFACE + frame(frames.SETTINGS, 0, 0))
    for number in range(3000):
        stream_id = 2 * number + 1
        writer.write(frame(frames.HEADERS, frames.END_HEADERS, stream_id, block))
        writer.write(frame(frames.RST_STREAM, 0, stream_id, bytes(4)))
    received = b""
    async with asyncio.timeout(60):
        while b"too many control frames" not in received:
            data = await reader.read(65536)
            assert data
            received += data
    writer.transport.abort()


async def test_more_streams_than_announced_are_refused(plane: DataPlane) -> None:
    client = await connect(plane.port)
    await client.answer("GET", "/healthz", None)
    assert client.endpoint.connection.peer.max_streams == CLIENT.streams
    # It does not keep to that.
    client.endpoint.connection.peer.max_streams = 1000
    # No node is there: they wait.
    waiting = [client.ask("POST", "/d/chat/x", b"hello") for _ in range(CLIENT.streams)]
    await plane.until(lambda: len(plane.gateway.active) == CLIENT.streams)
    more = await client.answer("POST", "/d/chat/x", b"hello")
    assert more.reset == REFUSED_STREAM
    assert not any(asked.ended for asked in waiting)
    client.close()
    await plane.until(lambda: not plane.gateway.active)


async def test_a_gateway_that_stops_answers_what_was_asked(plane: DataPlane, client: Http2Client) -> None:
    release, asked_there = asyncio.Event(), asyncio.Event()

    async def wait(call: Call) -> None:
        asked_there.set()
        await release.wait()
        call.answer(b"done")

    await plane.serve(ModelServer(wait))
    asked = client.ask("POST", "/d/chat/x", b"hello")
    async with asyncio.timeout(60):
        await asked_there.wait()
    closing = asyncio.create_task(plane.gateway.close(30.0))
    await plane.until(lambda: client.endpoint.connection.going_away is not None)
    release.set()
    await asked.until()
    assert (asked.status, asked.body) == (200, b"done")
    async with asyncio.timeout(60):
        await closing


@pytest.mark.parametrize(("offered", "spoken"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"), ([], None)])
async def test_tls_settles_which_http_is_spoken(offered: list[str], spoken: str | None) -> None:
    async with DataPlane(tls=_front()) as plane:
        trust = ssl.create_default_context(cadata=authority().ca.pem.decode())
        if offered:
            trust.set_alpn_protocols(offered)
        if spoken == "h2":
            client = await connect(plane.port, trust, "gateway")
            answer = await client.answer("GET", "/healthz", None)
            assert answer.status == 200
            client.close()
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", plane.port, ssl=trust, server_hostname="gateway")
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        async with asyncio.timeout(60):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == spoken
        writer.transport.abort()


def _front() -> ssl.SSLContext:
    context = front_tls(http2=True)
    load_pair(context, *issue(authority().ca, san_dns="gateway"))
    return context
