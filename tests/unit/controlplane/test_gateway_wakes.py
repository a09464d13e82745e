"""A gateway that has nobody to send requests to asks the control plane, once that is there."""

import asyncio
import json
import socket
from argparse import Namespace
from pathlib import Path

from controlplane.gateway.feed import GatewayFeed
from controlplane.gateway.follower import connect_to
from controlplane.gateway.worker import GatewayWorker
from tests.fakes.gateway_certificates import FakeCertificates

PATIENCE = 60


async def test_what_is_waited_for_is_told_as_soon_as_somebody_listens(tmp_path: Path) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    gone = asyncio.Event()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if line.strip() and json.loads(line).keys() & {"hello", "wake"}:
                heard.put_nowait(line.decode())
        writer.close()
        await writer.wait_closed()
        gone.set()

    listener = socket.create_server(("127.0.0.1", 0)).detach()
    worker = GatewayWorker(
        Namespace(feed=tmp_path / "feed", worker_id="gateway-0", listener=listener, terms="", trusted_proxies="")
    )
    worker.wakes.add("chat")
    worker.wakes.add("chat")
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    server = await asyncio.start_unix_server(hear, tmp_path / "feed")
    async with asyncio.timeout(PATIENCE):
        assert json.loads(await heard.get())["hello"]["worker"] == "gateway-0"
        assert json.loads(await heard.get()) == {"wake": ["chat"]}
        worker.wakes.add("search")
        assert json.loads(await heard.get()) == {"wake": ["search"]}
        stop.set()
        await running
        await gone.wait()
    server.close()
    await server.wait_closed()


async def test_the_control_plane_hears_of_it(tmp_path: Path) -> None:
    woken: asyncio.Queue[object] = asyncio.Queue()
    feed = GatewayFeed(FakeCertificates())
    feed.hearers["wake"] = lambda worker, ids: woken.put_nowait((worker.id, ids))
    await feed.start(tmp_path / "feed")
    reader, writer = await connect_to(tmp_path / "feed", {"worker": "gateway-0"}, None)
    writer.write(b'{"of a newer release":1}\n{"wake":["chat","search"]}\n')
    async with asyncio.timeout(PATIENCE):
        assert await woken.get() == ("gateway-0", ["chat", "search"])
        writer.write_eof()
        await reader.read()
    writer.close()
    await writer.wait_closed()
    await feed.close()
