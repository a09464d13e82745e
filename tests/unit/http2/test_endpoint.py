"""The endpoint on real sockets: what it does with peers that lie, flood, hang or vanish."""

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator
from unittest.mock import Mock

import psutil
import pytest

from homeport.http2 import frames
from homeport.http2.client import dial
from homeport.http2.endpoint import Endpoint
from homeport.http2.errors import ENHANCE_YOUR_CALM, FRAME_SIZE_ERROR, PROTOCOL_ERROR
from homeport.http2.frames import PREFACE, frame, frame_header, pack_u32
from homeport.http2.header_block import HeaderDecoder, Headers
from homeport.http2.header_encoder import HeaderEncoder
from homeport.http2.messages import message_prefix
from homeport.http2.server import GrpcServer
from homeport.http2.status import OK, RESOURCE_EXHAUSTED, UNAVAILABLE, Status, status_of_trailers
from homeport.identity import SERVER_NAME
from tests.fakes.certs import Authority, authority, make_ca
from tests.fakes.silence import read_until_silent
from tests.fakes.talkers import RecordingTalker, echo

ECHO = b"/test.Echo/Echo"
HELLO = PREFACE + frame(frames.SETTINGS, 0, 0)
MIB = 1024 * 1024
IDLE_SECONDS = ANSWER_SECONDS = 2.5


def request(stream_id: int, flags: int = frames.END_HEADERS) -> bytes:
    fields: Headers = [
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":path", ECHO),
        (b"content-type", b"application/grpc"),
    ]
    return frame(frames.HEADERS, flags, stream_id, HeaderEncoder().encode(fields))


class Site:
    def __init__(self) -> None:
        self.server = GrpcServer({ECHO: echo})
        self.port = 0
        self.endpoints: list[Endpoint] = []

    async def call(self) -> tuple[RecordingTalker, Endpoint]:
        endpoint = await dial("127.0.0.1", self.port, authority().node_tls(), SERVER_NAME)
        self.endpoints.append(endpoint)
        talker = RecordingTalker()
        talker.call = endpoint.call(ECHO, [], talker)
        await asyncio.wait_for(talker.accepted.wait(), 60)
        return talker, endpoint

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=authority().node_tls(), server_hostname=SERVER_NAME, limit=16 * MIB
        )

    async def say(self, *pieces: bytes) -> list[tuple[int, int, int, bytes]]:
        """What the server answers until it hangs up, or has been silent for a moment."""
        reader, writer = await self.open()
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        received = await read_until_silent(reader, turns=50)
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        found: list[tuple[int, int, int, bytes]] = []
        frames.FrameReader(
            lambda kind, flags, sid, buffer, start, end: found.append((kind, flags, sid, buffer[start:end])), 1 << 24
        ).feed(received)
        return found

    async def is_sane(self) -> bool:
        talker, endpoint = await self.call()
        talker.say(b"still here")
        heard = await talker.hear()
        endpoint.close()
        return heard == b"still here"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    site.port = await site.server.start("127.0.0.1", 0, authority().server_tls())
    yield site
    for endpoint in site.endpoints:
        endpoint.abort()
        await endpoint.closed
    await site.server.close()


CONTINUATION = frame(frames.CONTINUATION, 0, 1, b"")
HOSTILE = {
    "garbage": ([b"\x00" * 1000], PROTOCOL_ERROR),
    "HTTP/1.1": ([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"], PROTOCOL_ERROR),
    "a frame of 16 MiB": (
        [HELLO, request(1), frame_header(16 * MIB - 1, frames.DATA, 0, 1), bytes(MIB)],
        FRAME_SIZE_ERROR,
    ),
    "bad HPACK": ([HELLO, frame(frames.HEADERS, frames.END_HEADERS, 1, b"\xff" * 50)], 0x9),
    "a flood of SETTINGS": ([HELLO, frame(frames.SETTINGS, 0, 0) * 50_000], ENHANCE_YOUR_CALM),
    "a flood of PING": ([HELLO, frame(frames.PING, 0, 0, bytes(8)) * 50_000], ENHANCE_YOUR_CALM),
    "rapid reset": (
        [
            HELLO,
            b"".join(request(2 * n + 1) + frame(frames.RST_STREAM, 0, 2 * n + 1, pack_u32(8)) for n in range(5000)),
        ],
        ENHANCE_YOUR_CALM,
    ),
    "a flood of CONTINUATION": ([HELLO, request(1, 0), CONTINUATION * 50_000], ENHANCE_YOUR_CALM),
    "too many streams": ([HELLO, b"".join(request(2 * n + 1) for n in range(5000))], ENHANCE_YOUR_CALM),
    "empty DATA": ([HELLO, request(1), frame(frames.DATA, 0, 1) * 50_000], ENHANCE_YOUR_CALM),
    "PUSH_PROMISE": ([HELLO, frame(frames.PUSH_PROMISE, 4, 1, pack_u32(2))], PROTOCOL_ERROR),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_hostile_input_costs_its_connection_and_nothing_else(site: Site, case: str) -> None:
    pieces, code = HOSTILE[case]
    witness, _ = await site.call()
    before = psutil.Process().memory_info().rss
    answer = await site.say(*pieces)
    goaways = [payload for kind, _, _, payload in answer if kind == frames.GOAWAY]
    assert [struct.unpack_from("!I", payload, 4)[0] for payload in goaways[:1]] == [code] or not answer
    assert psutil.Process().memory_info().rss - before < 24 * MIB
    witness.say(b"a call that was there before")
    assert await witness.hear() == b"a call that was there before"
    assert await site.is_sane()


@pytest.mark.parametrize("size", [4 * MIB + 1, 2**32 - 1])
async def test_a_message_that_announces_too_much_ends_its_call(site: Site, size: int) -> None:
    data = b"\x00" + size.to_bytes(4, "big") + bytes(1000)
    answer = await site.say(HELLO, request(1), frame(frames.DATA, 0, 1, data))
    decoder = HeaderDecoder()
    blocks = [decoder.decode(payload) for kind, _, _, payload in answer if kind == frames.HEADERS]
    assert status_of_trailers(blocks[-1]).code == RESOURCE_EXHAUSTED
    assert await site.is_sane()


async def test_what_is_said_in_one_turn_is_one_write(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    talker, endpoint = await site.call()
    await asyncio.sleep(0.05)
    transport = endpoint._transport
    assert transport is not None
    watched = Mock(wraps=transport)
    monkeypatch.setattr(endpoint, "_transport", watched)
    for number in range(50):
        talker.say(b"%d" % number)
    endpoint.connection.ping()
    assert [await talker.hear() for _ in range(50)] == [b"%d" % number for number in range(50)]
    assert watched.write.call_count == 1


async def test_a_silent_peer_is_asked_and_given_up() -> None:
    """A server that took the connection and then froze: nothing comes back, not even an answer to PING."""
    asked = asyncio.Event()

    async def freeze(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(frames.SETTINGS, 0, 0))
        received = b""
        while data := await reader.read(65536):
            received += data
            if frame(frames.PING, 0, 0, bytes(8)) in received:
                asked.set()
        writer.transport.abort()

    server = await asyncio.start_server(freeze, "127.0.0.1", 0, ssl=authority().server_tls())
    port = server.sockets[0].getsockname()[1]
    endpoint = await dial("127.0.0.1", port, authority().node_tls(), SERVER_NAME)
    talker = RecordingTalker()
    talker.call = endpoint.call(ECHO, [], talker)
    await asyncio.sleep(0.1)
    keepalive = endpoint._keepalive
    assert keepalive is not None
    keepalive.heard_at -= IDLE_SECONDS
    endpoint._look(keepalive)
    await asyncio.wait_for(asked.wait(), 60)
    assert not talker.ended.done()
    assert keepalive._asked_at is not None
    keepalive._asked_at -= ANSWER_SECONDS
    keepalive.heard_at -= ANSWER_SECONDS
    endpoint._look(keepalive)
    assert await talker.end() == Status(UNAVAILABLE, "the other end does not answer")
    await endpoint.closed
    server.close()
    await asyncio.sleep(0.01)


async def test_an_answered_ping_keeps_the_connection(site: Site) -> None:
    talker, endpoint = await site.call()
    keepalive = endpoint._keepalive
    assert keepalive is not None
    keepalive.heard_at -= IDLE_SECONDS
    before = keepalive.heard_at
    endpoint._look(keepalive)
    async with asyncio.timeout(60):
        while keepalive.heard_at == before:  # noqa: ASYNC110 - what tests wait for has no event
            await asyncio.sleep(0.005)
    endpoint._look(keepalive)
    talker.say(b"on")
    assert await talker.hear() == b"on"


async def test_a_closed_connection_ends_its_calls_at_both_ends(site: Site) -> None:
    talker, endpoint = await site.call()
    for served in list(site.server._endpoints):
        served.close(message="maintenance")
    status = await talker.end()
    assert (status.code, "maintenance" in status.message) == (UNAVAILABLE, True)
    assert status.code != OK
    endpoint.close()


async def test_a_server_of_another_ca_is_not_spoken_to(site: Site) -> None:
    stranger = Authority(make_ca()).node_tls()
    with pytest.raises(ssl.SSLCertVerificationError):
        await dial("127.0.0.1", site.port, stranger, SERVER_NAME)
    with pytest.raises(ssl.SSLCertVerificationError):
        await dial("127.0.0.1", site.port, authority().node_tls(), "another-name")


async def test_a_message_of_many_frames_is_one_message(site: Site) -> None:
    message = bytes(range(256)) * 4000
    framed = message_prefix(len(message)) + message
    pieces = [frame(frames.DATA, 0, 1, framed[at : at + 9973]) for at in range(0, len(framed), 9973)]
    grown = frame(frames.WINDOW_UPDATE, 0, 0, pack_u32(2 * MIB)) + frame(frames.WINDOW_UPDATE, 0, 1, pack_u32(2 * MIB))
    answer = await site.say(HELLO, request(1), grown, *pieces)
    assert b"".join(payload for kind, _, _, payload in answer if kind == frames.DATA) == framed
