import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator

import pytest

from homeport.http2.client import dial
from homeport.http2.proxy import proxy_for
from homeport.http2.server import GrpcServer
from homeport.identity import SERVER_NAME
from tests.fakes.certs import authority
from tests.fakes.talkers import RecordingTalker, echo

NAMES = ("grpc_proxy", "https_proxy", "http_proxy", "no_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def no_proxy_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


class Proxy:
    """Connects where it is asked to, or answers as it was told to."""

    def __init__(self, answer: bytes = b"") -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head)
        self._writers.append(writer)
        if self.answer:
            writer.write(self.answer)
            writer.close()
            return
        host, _, port = head.split()[1].decode().rpartition(":")
        target_reader, target_writer = await asyncio.open_connection(host, int(port))
        self._writers.append(target_writer)
        writer.write(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
        self._tasks += [
            asyncio.create_task(_copy(reader, target_writer)),
            asyncio.create_task(_copy(target_reader, writer)),
        ]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = GrpcServer({b"/echo": echo})
    yield await server.start("127.0.0.1", 0, authority().server_tls())
    await server.close()


async def test_a_call_goes_through_the_proxy(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy()
    await proxy.start()
    monkeypatch.setenv("https_proxy", f"http://user:p%40ss@127.0.0.1:{proxy.port}")
    endpoint = await dial("127.0.0.1", port, authority().node_tls(), SERVER_NAME)
    talker = RecordingTalker()
    talker.call = endpoint.call(b"/echo", [], talker)
    talker.say(b"hello")
    assert await talker.hear() == b"hello"
    head = proxy.requests[0]
    assert head.startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % port)
    assert base64.b64encode(b"user:p@ss") in head
    endpoint.abort()
    await endpoint.closed
    await proxy.close()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407"),
        (b"HTTP/1.1 200", "broke off"),
        (b"x" * 20_000, "broke off"),
    ],
)
async def test_a_proxy_that_refuses_is_named(
    port: int, answer: bytes, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy(answer)
    await proxy.start()
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
    with pytest.raises(OSError, match=says):
        await dial("127.0.0.1", port, authority().node_tls(), SERVER_NAME)
    await proxy.close()


@pytest.mark.parametrize(
    ("environment", "host", "proxy"),
    [
        ({}, "a.example", None),
        ({"https_proxy": "http://p:1"}, "a.example", "p"),
        ({"http_proxy": "p:1"}, "a.example", "p"),
        ({"grpc_proxy": "http://g:1", "https_proxy": "http://p:1"}, "a.example", "g"),
        ({"https_proxy": "http://p:1", "no_proxy": "a.example,10.0.0.1"}, "a.example", None),
        ({"https_proxy": "http://p:1", "no_proxy": "a.example"}, "b.example", "p"),
    ],
)
def test_which_proxy(
    environment: dict[str, str], host: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(host)
    assert (found.hostname if found else None) == proxy
