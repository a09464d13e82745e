"""Pages and watches of the API over a large fleet.

python -m bench.api [--json] [--deployments 10000] [--nodes 500] [--changes 1000] [--seconds 5]

The server is a process of its own: the real API over a memory store, with a replica for each deployment. Pages are
timed at the client. Then the replicas of `--changes` deployments a second change, and a watcher says how old each
change is when it arrives. `hold_ms` is the longest that the server computed in one go meanwhile, in CPU time.
"""

import argparse
import asyncio
import gc
import json
import multiprocessing
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import aiohttp

from controlplane.api.app import create_app
from controlplane.api.dependencies import ApiDependencies, Urls
from controlplane.api.listener import serve
from controlplane.auth.admin_token import create_admin_token
from controlplane.auth.join_tokens import JoinTokens
from controlplane.auth.token_facts import facts_in
from controlplane.fleet.fleet_view import FleetView
from controlplane.ports import reserve
from controlplane.secrets.master_key import MasterKeys, new_key
from controlplane.secrets.vault import Vault
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Transaction
from homeport.core.resources import Inventory
from homeport.core.status import ReplicaReport, ReplicaStatus
from homeport.gateway.callers.access_tokens import AccessTokens
from homeport.logging import configure_logging
from homeport.schema.cluster import ClusterRef
from homeport.schema.deployment import DeploymentSpec, Worker, WorkerModel
from homeport.schema.nodepool import NodepoolRef

PAGES = {
    "100 by id": "deployments?limit=100",
    "1000 by id": "deployments?limit=1000",
    "100 ready": "deployments?limit=100&phase=ready",
    "100 of one label": "deployments?limit=100&label=team=t7",
    "none found": "deployments?limit=100&q=nothing",
    "100 newest first": "deployments?limit=100&sort=-created_at",
    "1000 by phase": "deployments?limit=1000&sort=phase",
    "1000 replicas": "replicas?limit=1000",
    "1000 nodes": "nodes?limit=1000",
    "status": "status",
}
_ROUNDS = 20
_TURN_SECONDS = 0.02


class _NoLogs:
    async def lines(self, replica_id: str, node_id: str, tail: int, follow: bool) -> AsyncIterator[bytes]:
        return
        yield b""

    async def previous(self, deployment_id: str, node_id: str, replica: str, back: int) -> AsyncIterator[bytes]:
        return
        yield b""


class _Fleet:
    """A deployment with one placement and one ready replica each, spread over the nodes."""

    def __init__(self, deployments: int, nodes: int) -> None:
        self.store = MemoryStore()
        self.registry = NodeRegistry(time.monotonic)
        self._deployments = deployments
        self._nodes = nodes

    async def fill(self) -> str:
        """The token of an administrator."""
        await self.store.open()
        await self.store.write(self._create)
        for node in range(self._nodes):
            self.registry.connected(f"n{node}", 1, Inventory(f"host{node}", cpu_milli=64_000, memory_bytes=2**38), "1")
            mine = range(node, self._deployments, self._nodes)
            self.registry.set_replicas(f"n{node}", [self.report(deployment) for deployment in mine])
        return await self.store.write(create_admin_token)

    def report(self, deployment: int) -> ReplicaReport:
        id = f"d{deployment:05}"
        return ReplicaReport(f"r{id}", f"p{id}", id, 1, ReplicaStatus.READY, since=time.time())

    def change(self, first: int, count: int) -> None:
        """Replicas that fail and are back, told by their nodes."""
        for number in range(first, first + count):
            deployment = number % self._deployments
            status = ReplicaStatus.FAILED if number // self._deployments % 2 == 0 else ReplicaStatus.READY
            report = replace(self.report(deployment), status=status, reason="it ended")
            self.registry.set_replicas(f"n{deployment % self._nodes}", [report])

    def _create(self, tx: Transaction) -> None:
        for node in range(self._nodes):
            spec = {"name": f"host{node}", "cluster": "office", "nodepool": "gpu", "hostname": f"host{node}"}
            tx.create(Kind.NODE, f"n{node}", spec, {"epoch": 1})
        pools = [NodepoolRef(id="gpu", compute_cluster=ClusterRef(id="office"))]
        for number in range(self._deployments):
            id = f"d{number:05}"
            worker = Worker(model=WorkerModel(id=f"m{number}"))
            deployment = DeploymentSpec(id=id, worker=worker, nodepools=pools, labels={"team": f"t{number % 50}"})
            tx.create(Kind.DEPLOYMENT, id, deployment.model_dump(mode="json"), {"revision": 1})
            tx.create(Kind.REVISION, f"{id}/1", {"model": f"m{number}", "model_version": "v1"})
            placement = {"deployment_id": id, "node_id": f"n{number % self._nodes}", "revision": 1, "rank": 0,
                         "min_replicas": 1, "max_replicas": 1, "devices": []}  # fmt: skip
            tx.create(Kind.PLACEMENT, f"p{id}", placement)


class _LoopMeter:
    """The most that was computed before the event loop got to whatever else was due, in seconds of CPU time: what other
    programs take from the machine is not meant."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        while True:
            began = time.thread_time()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, time.thread_time() - began)


async def _serve(told: Connection, listener: socket.socket, arguments: argparse.Namespace) -> None:
    """The server's process. It is told `reset`, `hold`, `change` and, at last, `stop`."""
    fleet, meter = _Fleet(arguments.deployments, arguments.nodes), _LoopMeter()
    token = await fleet.fill()
    tokens = AccessTokens(facts_in(fleet.store))
    urls = Urls("http://api", "http://gateway", "host:1")
    dependencies = ApiDependencies(
        store=fleet.store,
        registry=fleet.registry,
        fleet_view=FleetView(fleet.store, fleet.registry),
        access_tokens=tokens,
        join_tokens=JoinTokens("pin"),
        logs=_NoLogs(),
        urls=urls,
        monotonic=time.monotonic,
        version="bench",
        vault=Vault(MasterKeys((new_key(),))),
        install_command=lambda _: "",
    )
    began = time.perf_counter()
    runner = await serve(create_app(dependencies), listener)
    gc.freeze()
    told.send((token, time.perf_counter() - began))
    metering = asyncio.create_task(meter.run())
    changing: list[asyncio.Task[None]] = []
    while (command := await asyncio.to_thread(told.recv)) != "stop":
        longest = meter.longest
        if command == "reset":
            meter.longest = 0.0
        elif command == "change":
            changing.append(asyncio.create_task(_change(fleet, arguments.changes, arguments.seconds)))
        told.send(longest)
    metering.cancel()
    await runner.cleanup()


async def _change(fleet: _Fleet, per_second: int, seconds: float) -> None:
    began, done = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - began) < seconds:
        due = int(elapsed * per_second) - done
        fleet.change(done, due)
        done += due
        await asyncio.sleep(_TURN_SECONDS)


def _server(told: Connection, listener: socket.socket, arguments: argparse.Namespace) -> None:
    configure_logging()
    asyncio.run(_serve(told, listener, arguments))


def _hold_ms(server: Connection, command: str) -> float:
    server.send(command)
    longest: float = server.recv()
    return round(longest * 1000, 1)


async def _measure_pages(session: aiohttp.ClientSession, server: Connection) -> list[dict[str, Any]]:
    rows = []
    for name, path in PAGES.items():
        await session.get(path)
        _hold_ms(server, "reset")
        times = []
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            async with session.get(path) as response:
                body = await response.read()
                assert response.status == 200, body
            times.append((time.perf_counter() - began) * 1000)
        times.sort()
        row = {"page": name, "kib": len(body) // 1024, "p50_ms": round(times[len(times) // 2], 1)}
        rows.append({**row, "max_ms": round(times[-1], 1), "hold_ms": _hold_ms(server, "hold")})
    return rows


async def _measure_watch(session: aiohttp.ClientSession, server: Connection) -> dict[str, Any]:
    _hold_ms(server, "reset")
    began = time.perf_counter()
    snapshot_bytes = 0
    async with session.ws_connect("watch", max_msg_size=0) as watch:
        await watch.send_json({"topics": ["deployments", "replicas"]})
        last: list[Any] = []
        while last != ["replicas", False]:
            text = await watch.receive_str()
            snapshot_bytes += len(text)
            message = json.loads(text)
            last = [message["topic"], message["more"]]
        snapshot = time.perf_counter() - began
        snapshot_hold = _hold_ms(server, "reset")
        _hold_ms(server, "change")
        ages, messages = await _ages(watch)
    ages.sort()
    return {
        "snapshot_s": round(snapshot, 2),
        "snapshot_mib": round(snapshot_bytes / 2**20, 1),
        "snapshot_hold_ms": snapshot_hold,
        "changes_seen": len(ages),
        "messages": messages,
        "age_p50_ms": round(ages[len(ages) // 2]),
        "age_p99_ms": round(ages[len(ages) * 99 // 100]),
        "age_max_ms": round(ages[-1]),
        "hold_ms": _hold_ms(server, "hold"),
    }


async def _ages(watch: aiohttp.ClientWebSocketResponse) -> tuple[list[float], int]:
    """How old each change of a replica was when it came, in milliseconds; and in how many messages they came."""
    ages: list[float] = []
    messages = 0
    while True:
        try:
            message = await watch.receive_json(timeout=5)
        except TimeoutError:
            return ages, messages
        messages += 1
        now = time.time()
        changes = (each for each in message.get("changes", ()) if each["kind"] == "replica")
        ages += [(now - each["object"]["since"]) * 1000 for each in changes]


async def run(arguments: argparse.Namespace) -> dict[str, Any]:
    listener = reserve("127.0.0.1", 0, "")
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1/"
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_server, args=(theirs, listener, arguments))
    process.start()
    token, first_look = mine.recv()
    headers = {"Authorization": f"Bearer {token}"}
    try:
        async with aiohttp.ClientSession(address, headers=headers) as session:
            pages = await _measure_pages(session, mine)
            watch = await _measure_watch(session, mine)
    finally:
        mine.send("stop")
        process.join(10)
    fleet = {"deployments": arguments.deployments, "nodes": arguments.nodes}
    return {**fleet, "first_look_s": round(first_look, 2), "pages": pages, "watch": watch}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.api", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--deployments", type=int, default=10_000)
    parser.add_argument("--nodes", type=int, default=500)
    parser.add_argument("--changes", type=int, default=1000, help="of replicas, a second")
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    found = asyncio.run(run(arguments))
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"{found['deployments']} deployments on {found['nodes']} nodes; first look {found['first_look_s']} s")
    print(f"{'page':20}{'KiB':>8}{'p50 ms':>10}{'max ms':>10}{'hold ms':>10}")
    for row in found["pages"]:
        print(f"{row['page']:20}{row['kib']:>8}{row['p50_ms']:>10}{row['max_ms']:>10}{row['hold_ms']:>10}")
    print(
        f"watch, {arguments.changes} changes/s: " + ", ".join(f"{key} {each}" for key, each in found["watch"].items())
    )


if __name__ == "__main__":
    main()
