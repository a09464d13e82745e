"""WebSockets on streams of HTTP/2 (RFC 8441): for the model server they are upgrades like others."""

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator

import pytest

from homeport.gateway import upgrade
from homeport.http2.errors import NO_ERROR, PROTOCOL_ERROR
from homeport.http2.header_block import Headers
from homeport.http2.settings import own_settings
from homeport.http2.terms import CLIENT, MODEL, TUNNEL
from tests.fakes.data_plane import TOKEN, DataPlane
from tests.fakes.http2_client import Asked, Http2Client, connect
from tests.fakes.model_server import Call, ModelServer

MIB = 1024 * 1024
PATIENCE = 60.0
ENABLE_CONNECT_PROTOCOL = b"\0\x08\0\0\0\x01"


def accept(call: Call, more: str = "") -> None:
    key = call.headers["sec-websocket-key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accepted = b64encode(hashlib.sha1(key).digest()).decode()
    call.writer.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accepted}\r\n{more}\r\n".encode()
    )


async def shout(call: Call) -> None:
    """Says what it hears, in capitals, until the other side stops."""
    accept(call, "X-Room: 7\r\n")
    while data := await call.reader.read(65536):
        call.writer.write(data.upper())
        await call.writer.drain()
    call.writer.write(b" bye")
    call.writer.close()


@pytest.fixture
async def plane() -> AsyncIterator[DataPlane]:
    async with DataPlane() as plane:
        yield plane


@pytest.fixture
async def client(plane: DataPlane) -> AsyncIterator[Http2Client]:
    client = await connect(plane.port)
    yield client
    client.close()


def test_it_is_offered_to_clients_and_to_nobody_else() -> None:
    assert ENABLE_CONNECT_PROTOCOL in own_settings(CLIENT, is_client=False)
    for settings in (own_settings(TUNNEL, is_client=False), own_settings(MODEL, is_client=True)):
        assert ENABLE_CONNECT_PROTOCOL not in settings


async def test_bytes_pass_as_they_are_in_both_directions(plane: DataPlane, client: Http2Client) -> None:
    server = ModelServer(shout)
    await plane.serve(server)
    talk = client.connect("/d/chat/talk?x=1")
    # What a client says before it was answered waits for the answer.
    talk.send(b"early ", False)
    await talk.until(lambda: talk.body == b"EARLY ")
    head = talk.heads[0]
    assert (head[b":status"], head[b"x-room"]) == (b"200", b"7")
    assert b"x-request-id" in head
    assert not {b"sec-websocket-accept", b"upgrade", b"connection"} & head.keys()
    [call] = server.calls
    assert call.line == "GET /talk?x=1 HTTP/1.1"
    assert (call.headers["upgrade"], call.headers["connection"]) == ("websocket", "upgrade")
    assert (call.headers["sec-websocket-version"], len(call.headers["sec-websocket-key"])) == ("13", 24)
    assert "authorization" not in call.headers
    said = b"\x81\x05hello" + bytes(range(97)) * 40_000
    talk.send(said, False)
    await talk.until(lambda: len(talk.body) == 6 + len(said))
    assert talk.body == b"EARLY " + said.upper()
    talk.send(b"", True)
    await talk.until()
    assert (talk.ended, talk.body[-4:]) == (True, b" bye")
    await plane.until(lambda: not plane.gateway.active and plane.node.relay.in_flight == 0)


async def test_each_has_a_key_of_its_own_whatever_the_client_says(plane: DataPlane, client: Http2Client) -> None:
    server = ModelServer(shout)
    await plane.serve(server)
    fields: Headers = [(b"authorization", b"Bearer " + TOKEN.encode()), (b"sec-websocket-key", b"mine")]
    for _ in range(2):
        talk = client.connect("/d/chat/talk", fields)
        await talk.until(lambda talk=talk: talk.heads)
        assert talk.status == 200
        talk.cancel()
    keys = {call.headers["sec-websocket-key"] for call in server.calls}
    assert len(keys) == 2 and "mine" not in keys


async def test_many_on_one_connection_beside_requests(plane: DataPlane, client: Http2Client) -> None:
    async def either(call: Call) -> None:
        await (shout(call) if "sec-websocket-key" in call.headers else answer(call))

    async def answer(call: Call) -> None:
        call.answer(call.body)

    await plane.serve(ModelServer(either))
    talks = [client.connect("/d/chat/talk") for _ in range(3)]
    for number, talk in enumerate(talks):
        talk.send(b"talk %d" % number, False)
    assert (await client.answer("POST", "/d/chat/x", b"asked")).body == b"asked"
    for number, talk in enumerate(talks):
        await talk.until(lambda talk=talk: len(talk.body) == 6)
        assert talk.body == b"TALK %d" % number


@pytest.mark.parametrize("who", ["client", "model"])
async def test_either_side_may_leave(plane: DataPlane, client: Http2Client, who: str) -> None:
    async def wait(call: Call) -> None:
        accept(call)
        if who == "client":
            await call.reader.read()
        call.writer.close()

    server = ModelServer(wait)
    await plane.serve(server)
    talk = client.connect("/d/chat/talk")
    await talk.until(lambda: talk.heads)
    if who == "client":
        talk.cancel()
    else:
        await talk.until(lambda: talk.ended)
    await asyncio.wait_for(server.calls[0].gone.wait(), PATIENCE)
    await plane.until(lambda: not plane.gateway.active and plane.node.relay.in_flight == 0)
    assert client.endpoint.is_open


async def test_a_browsers_token_is_a_subprotocol(plane: DataPlane, client: Http2Client) -> None:
    server = ModelServer(shout)
    await plane.serve(server)
    talk = client.connect("/d/chat/talk", [(b"sec-websocket-protocol", b"homeport, homeport.bearer." + TOKEN.encode())])
    await talk.until(lambda: talk.heads)
    assert (talk.status, talk.heads[0][b"sec-websocket-protocol"]) == (200, b"homeport")
    assert "sec-websocket-protocol" not in server.calls[0].headers
    nobody = client.connect("/d/chat/talk", [])
    await nobody.until()
    assert nobody.status == 401


async def test_what_a_model_refuses_is_answered(plane: DataPlane, client: Http2Client) -> None:
    async def refuse(call: Call) -> None:
        call.answer(b"no such room", "404 Not Found")

    await plane.serve(ModelServer(refuse))
    talk = client.connect("/d/chat/talk")
    talk.send(b"early", False)
    await talk.until()
    assert (talk.status, talk.body) == (404, b"no such room")


async def test_nothing_is_a_success_but_a_websocket(plane: DataPlane, client: Http2Client) -> None:
    async def answer(call: Call) -> None:
        call.answer(b"hello")

    async def mistake(call: Call) -> None:
        call.writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        )
        await call.reader.read()

    server = ModelServer(answer)
    await plane.serve(server)
    for path in ("/d/chat/talk", "/v1/models", "/healthz"):
        talk = client.connect(path)
        await talk.until()
        assert talk.status == 502, path
    server.handler = mistake
    talk = client.connect("/d/chat/talk")
    await talk.until()
    assert (talk.status, b"another WebSocket's key" in talk.body) == (502, True)


async def test_who_says_nothing_for_long_is_ended(plane: DataPlane, client: Http2Client) -> None:
    await plane.serve(ModelServer(shout))
    talk = client.connect("/d/chat/talk")
    await talk.until(lambda: talk.heads)
    [request] = plane.gateway.active
    request.check(plane.gateway.clock() + upgrade._IDLE_SECONDS + 1)
    await talk.until()
    assert talk.ended and talk.reset in (None, NO_ERROR)


async def test_one_that_waits_for_a_replica_is_not_awaited_for_its_body(plane: DataPlane, client: Http2Client) -> None:
    """Its body begins behind the answer: the time that a body may pause does not run before."""
    await plane.serve()
    talk = client.connect("/d/chat/talk")
    await plane.until(lambda: len(plane.gateway.active) == 1)
    [request] = plane.gateway.active
    stream = request.connection
    stream.check(asyncio.get_running_loop().time() + 1000, plane.gateway._server._timeouts)  # type: ignore[attr-defined]
    await plane.serve(ModelServer(shout))
    talk.send(b"hello", False)
    await talk.until(lambda: talk.body == b"HELLO")


async def test_a_slow_client_holds_the_model_up_and_a_slow_model_the_client(
    plane: DataPlane, client: Http2Client
) -> None:
    sent, goes_on = [0], asyncio.Event()

    async def flood(call: Call) -> None:
        accept(call)
        for _ in range(1024):
            call.writer.write(bytes(65536))
            await call.writer.drain()
            sent[0] += 65536
        await goes_on.wait()

    await plane.serve(ModelServer(flood))
    talk = client.connect("/d/chat/talk")
    await talk.until(lambda: talk.heads)
    talk.want(False)
    before = -1
    while before != sent[0]:
        before = sent[0]
        await asyncio.sleep(0.2)
    # What the kernel's and our buffers take, of 64 MiB.
    assert sent[0] < 32 * MIB
    # The model reads nothing: what is said to it stays here.
    talk.send(bytes(64 * MIB), False)
    before = -1
    while before != talk._unsent_bytes:
        before = talk._unsent_bytes
        await asyncio.sleep(0.2)
    assert before > 32 * MIB
    talk.cancel()
    goes_on.set()
    await plane.until(lambda: not plane.gateway.active)


@pytest.mark.parametrize(
    ("path", "protocol", "fields", "status"),
    [
        ("/d/chat/talk", b"connect-udp", [], 501),
        ("/d/chat/../x", b"websocket", [], 400),
        ("http://evil/", b"websocket", [], 400),
        ("/d/chat/talk", b"websocket", [(b"content-length", b"5")], 400),
        ("/d/chat/talk", b"websocket", [(b"host", b"evil")], 400),
        ("/d/nowhere/talk", b"websocket", [(b"authorization", b"Bearer " + TOKEN.encode())], 404),
    ],
)
async def test_what_is_no_websocket_is_refused(
    plane: DataPlane, client: Http2Client, path: str, protocol: bytes, fields: Headers, status: int
) -> None:
    server = ModelServer(shout)
    await plane.serve(server)
    talk = client.connect(path, fields, protocol)
    await talk.until()
    assert (talk.status, server.calls) == (status, [])


@pytest.mark.parametrize(
    "headers",
    [
        # :protocol goes with CONNECT, and needs an authority.
        [(b":method", b"GET"), (b":protocol", b"websocket"), (b":authority", b"a")],
        [(b":method", b"CONNECT"), (b":protocol", b"websocket")],
    ],
)
async def test_a_malformed_connect_ends_its_stream_alone(client: Http2Client, headers: Headers) -> None:
    bad = Asked(client.endpoint)
    bad.stream = client.endpoint.connection.begin([*headers, (b":scheme", b"http"), (b":path", b"/d/chat/talk")], bad)
    await bad.until()
    assert bad.reset == PROTOCOL_ERROR
    assert (await client.answer("GET", "/healthz", None)).status == 200
