"""Who comes in when many want to, and some only pretend to."""

import asyncio
import contextlib
import socket

import pytest

from homeport.http2 import acceptor
from homeport.http2.client import dial
from homeport.http2.server import GrpcServer
from homeport.identity import SERVER_NAME
from tests.fakes.certs import authority
from tests.fakes.talkers import RecordingTalker, echo

ECHO = b"/test.Echo/Echo"
_SILENT = 150
_PATIENCE_SECONDS = 60


async def _talk(port: int) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        endpoint = await dial("127.0.0.1", port, authority().node_tls(), SERVER_NAME)
        talker = RecordingTalker()
        talker.call = endpoint.call(ECHO, [], talker)
        talker.say(b"here")
        assert await talker.hear() == b"here"
        endpoint.close()
        await endpoint.closed


async def test_those_who_say_nothing_keep_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "_AT_ONCE", _SILENT // 2)
    server = GrpcServer({ECHO: echo})
    port = await server.start("127.0.0.1", 0, authority().server_tls())
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(_SILENT)]
    await _talk(port)
    # Whoever gave way is told.
    async with asyncio.timeout(_PATIENCE_SECONDS):
        with contextlib.suppress(ConnectionError):
            assert await silent[0][0].read() == b""
    for _, writer in silent:
        writer.close()
    await server.close()


async def test_more_than_shake_hands_at_once_all_come_in() -> None:
    server = GrpcServer({ECHO: echo})
    port = await server.start("127.0.0.1", 0, authority().server_tls())
    await asyncio.gather(*(_talk(port) for _ in range(200)))
    await server.close()


async def test_those_who_are_no_peers_leave_the_door_open() -> None:
    server = GrpcServer({ECHO: echo})
    port = await server.start("127.0.0.1", 0, authority().server_tls())
    for nonsense in (b"GET / HTTP/1.1\r\n\r\n", bytes(500), b"\x16\x03\x01\xff\xff"):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(nonsense)
        writer.close()
    await _talk(port)
    await server.close()


async def test_a_closed_server_is_refused() -> None:
    server = GrpcServer({ECHO: echo})
    port = await server.start("127.0.0.1", 0, authority().server_tls())
    silent_reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await _talk(port)
    await server.close()
    try:
        await dial("127.0.0.1", port, authority().node_tls(), SERVER_NAME)
    except OSError:
        writer.close()
    else:
        raise AssertionError("somebody still listens")
    with contextlib.suppress(ConnectionError):
        assert await silent_reader.read() == b""


@pytest.mark.parametrize("turns", range(12))
async def test_a_server_that_closes_while_some_come_in_hangs_up_on_all(turns: int) -> None:
    """Also on those whose handshake was about to begin: a socket that nobody closes fails the run."""
    server = GrpcServer({ECHO: echo})
    port = await server.start("127.0.0.1", 0, authority().server_tls())
    clients = [socket.create_connection(("127.0.0.1", port), _PATIENCE_SECONDS) for _ in range(30)]
    for _ in range(turns):
        await asyncio.sleep(0)
    await server.close()
    for client in clients:
        with client, contextlib.suppress(ConnectionError):
            assert await asyncio.to_thread(client.recv, 1) == b""
