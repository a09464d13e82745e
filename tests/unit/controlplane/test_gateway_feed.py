"""What passes between a gateway worker and the control plane at each new connection."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from controlplane.gateway.fed_worker import FedWorker
from controlplane.gateway.feed import GatewayFeed
from controlplane.gateway.follower import FeedFollower, Streams, connect_to
from controlplane.gateway.tellers import Say
from homeport.gateway.tables import GatewayTables
from tests.fakes.gateway_certificates import FakeCertificates

PATIENCE = 60
HELLO = {"worker": "gateway-0", "pid": os.getpid()}


@pytest.fixture
async def feed(tmp_path: Path) -> AsyncIterator[GatewayFeed]:
    feed = GatewayFeed(FakeCertificates())
    await feed.start(tmp_path / "feed")
    yield feed
    await feed.close()


class Follower:
    """A worker's side, from which everything that it learned is read."""

    def __init__(self, path: Path) -> None:
        self.tables = GatewayTables()
        self.completed: asyncio.Queue[None] = asyncio.Queue()
        self.ids: asyncio.Queue[list[str]] = asyncio.Queue()
        self._path = path
        self.writers: list[asyncio.StreamWriter] = []
        self.follower = FeedFollower(self._connect, self.tables, self._complete)
        self.follower.learners["workers"] = self.ids.put_nowait

    async def _connect(self) -> Streams:
        reader, writer = await connect_to(self._path, HELLO, None)
        self.writers.append(writer)
        return reader, writer

    async def _complete(self, say: Say) -> None:
        self.completed.put_nowait(None)


async def test_the_socket_of_clients_comes_with_the_worker(feed: GatewayFeed, tmp_path: Path) -> None:
    come: asyncio.Queue[FedWorker] = asyncio.Queue()
    gone: asyncio.Queue[FedWorker] = asyncio.Queue()
    feed.on_come = come.put_nowait
    feed.on_gone.append(gone.put_nowait)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        _, writer = await connect_to(tmp_path / "feed", HELLO, listener)
        async with asyncio.timeout(PATIENCE):
            worker = await come.get()
        assert worker.hello == HELLO
        assert worker.listener is not None
        with socket.socket(fileno=os.dup(worker.listener)) as ours:
            assert ours.getsockname() == listener.getsockname()
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(PATIENCE):
            assert await gone.get() is worker
    assert feed.workers == set()


@pytest.mark.parametrize("said", [b"", b"\n", b"\nno JSON\n", b'\n{"wake": ["chat"]}\n', b'\n{"hello": 1}\n'])
async def test_who_says_no_hello_is_told_nothing(feed: GatewayFeed, tmp_path: Path, said: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(tmp_path / "feed")
    writer.write(said)
    writer.write_eof()
    async with asyncio.timeout(PATIENCE):
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert feed.workers == set()


async def test_what_went_while_it_was_away_is_gone_when_it_is_back(feed: GatewayFeed, tmp_path: Path) -> None:
    feed.greetings.append(lambda worker: {"workers": [worker.id]})
    feed.put("epochs", "n1", 1)
    feed.put("epochs", "n2", 1)
    worker = Follower(tmp_path / "feed")
    following = asyncio.create_task(worker.follower.run())
    async with asyncio.timeout(PATIENCE):
        await worker.completed.get()
        assert (worker.tables.epochs, await worker.ids.get()) == ({"n1": 1, "n2": 1}, ["gateway-0"])
        worker.writers[0].close()
        feed.put("epochs", "n1", None)
        await worker.completed.get()
        assert worker.tables.epochs == {"n2": 1}
        message: Mapping[str, Any] = {"workers": ["gateway-0", "gateway-1"]}
        assert await worker.ids.get() == ["gateway-0"]
        feed.tell_all(message)
        assert await worker.ids.get() == message["workers"]
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


def test_nodes_come_and_go() -> None:
    worker = FedWorker(HELLO)
    worker.note_nodes(["a", "b"], [])
    worker.note_nodes(["c"], ["a"])
    assert worker.nodes == {"b", "c"}
