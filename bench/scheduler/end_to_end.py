"""From a POST to the node: durable, placed, and handed to the node's session. Clients are a process of their own."""

import asyncio
import logging
import multiprocessing
import socket
import tempfile
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import structlog
import uvloop

from bench.packing.trace import read_nodes
from bench.scheduler.fleet import DRIVER, BenchFleet
from controlplane.api.app import create_app
from controlplane.api.dependencies import ApiDependencies, Urls
from controlplane.api.listener import serve
from controlplane.auth.admin_token import create_admin_token
from controlplane.auth.join_tokens import JoinTokens
from controlplane.auth.token_facts import facts_in
from controlplane.heap import settle
from controlplane.ports import reserve
from controlplane.secrets.master_key import MasterKeys, new_key
from controlplane.secrets.vault import Vault
from controlplane.sessions.logs import LogBroker
from controlplane.sessions.registry import NodeRegistry
from homeport.gateway.callers.access_tokens import AccessTokens

_CLIENTS = 16
_POOL = {"id": "all", "compute_cluster": {"id": "openb"}}
_PATIENCE_SECONDS = 120.0


def measure_end_to_end(nodes: Path, deployments: int) -> dict[str, Any]:
    listener = reserve("127.0.0.1", 0, "")
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=_server, args=(theirs, listener, nodes, deployments), daemon=True
    )
    server.start()
    theirs.close()
    try:
        token = ours.recv()
        began, cpu = time.perf_counter(), _cpu_seconds(server.pid)
        asyncio.run(_post_all(listener.getsockname()[1], token, deployments))
        acknowledged = time.perf_counter() - began
        ours.send("all sent")
        told, at = ours.recv()
        cpu = _cpu_seconds(server.pid) - cpu
    finally:
        server.kill()
        server.join()
    return {
        "deployments": deployments,
        "told": told,
        "per_second": round(told / (at - began)),
        "acknowledged_per_second": round(deployments / acknowledged),
        "server_cpu_ms_each": round(cpu / deployments * 1000, 2),
    }


async def _post_all(port: int, token: str, count: int) -> None:
    numbers = iter(range(count))
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}/api/v1/", headers=headers) as session:
        await asyncio.gather(*(_post(session, numbers) for _ in range(_CLIENTS)))


async def _post(session: aiohttp.ClientSession, numbers: Any) -> None:
    for number in numbers:
        body = {"id": f"d{number}", "worker": {"model": {"id": f"m{number}"}}, "nodepools": [_POOL]}
        async with session.post("deployments", json=body) as response:
            assert response.status == 201, await response.text()


def _cpu_seconds(pid: int | None) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _server(told: Connection, listener: socket.socket, nodes: Path, deployments: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(_serve(told, listener, f"sqlite:///{folder}/homeport.db", nodes, deployments))


async def _serve(told: Connection, listener: socket.socket, url: str, nodes: Path, deployments: int) -> None:
    fleet = BenchFleet(url, NodeRegistry(time.monotonic))
    await fleet.store.open()
    inventories = [replace(node, drivers=(DRIVER,)) for node in read_nodes(nodes)]
    await fleet.add_nodes("openb/all", inventories)
    await fleet.add_models(deployments, {"cpu_limit": "4", "cpu_memory": "8Gi"})
    dependencies = ApiDependencies(
        store=fleet.store,
        registry=fleet.registry,
        fleet_view=fleet.view,
        access_tokens=AccessTokens(facts_in(fleet.store)),
        join_tokens=JoinTokens("pin"),
        logs=LogBroker(fleet.sessions.ask),
        urls=Urls("http://api", "http://gateway", "host:1"),
        monotonic=time.monotonic,
        version="bench",
        vault=Vault(MasterKeys((new_key(),))),
        install_command=lambda _: "",
    )
    token = await fleet.store.write(create_admin_token)
    loops = [asyncio.create_task(fleet.pipeline.run()), asyncio.create_task(fleet.sessions.follow_store())]
    await serve(create_app(dependencies), listener)
    settle()  # as after the start of the server
    told.send(token)
    await asyncio.to_thread(told.recv)
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await fleet.all_told(deployments)
    told.send((fleet.told(), time.perf_counter()))
    await asyncio.gather(*loops)
