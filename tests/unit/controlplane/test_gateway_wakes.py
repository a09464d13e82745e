"""A gateway that has nobody to send requests to asks the control plane, once that is there."""

import asyncio
import json
from argparse import Namespace
from pathlib import Path

from controlplane.auth.ca import KeyPair
from controlplane.gateway.feed import GatewayFeed
from controlplane.gateway.worker import GatewayWorker

PATIENCE = 60


async def test_what_is_waited_for_is_told_as_soon_as_somebody_listens(tmp_path: Path) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    gone = asyncio.Event()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            heard.put_nowait(line.decode())
        writer.close()
        await writer.wait_closed()
        gone.set()

    worker = GatewayWorker(Namespace(feed=tmp_path / "feed", worker_id="gateway-0"))
    worker.wake("chat")
    worker.wake("chat")
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    server = await asyncio.start_unix_server(hear, tmp_path / "feed")
    async with asyncio.timeout(PATIENCE):
        assert json.loads(await heard.get()) == {"wake": ["chat"]}
        worker.wake("search")
        assert json.loads(await heard.get()) == {"wake": ["search"]}
        stop.set()
        await running
        await gone.wait()
    server.close()
    await server.wait_closed()


async def test_the_control_plane_hears_of_it(tmp_path: Path) -> None:
    woken: asyncio.Queue[str] = asyncio.Queue()
    pair = KeyPair(b"", b"")
    feed = GatewayFeed((pair, b""), lambda said: None, lambda used: None, lambda denied: None, woken.put_nowait)
    await feed.start(tmp_path / "feed")
    reader, writer = await asyncio.open_unix_connection(tmp_path / "feed")
    writer.write(b'{"wake":["chat","search"]}\n')
    async with asyncio.timeout(PATIENCE):
        assert [await woken.get(), await woken.get()] == ["chat", "search"]
        writer.write_eof()
        await reader.read()
    writer.close()
    await writer.wait_closed()
    await feed.close()
