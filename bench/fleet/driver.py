"""A process that is many nodes. A JSON object a line on stdin tells it what to do, one on stdout answers."""

import asyncio
import gc
import json
import sys
from pathlib import Path
from typing import Any

import uvloop

from bench.fleet.driven_node import DrivenNode, Records
from bench.fleet.driven_tunnel import DrivenTunnel
from homeport.http2.tls import client_tls
from homeport.logging import configure_logging

_DIALLING = 100


class Driver:
    """`share`: every so-manieth node, from that one on. `upstream_port` 0: they serve nothing."""

    def __init__(self, folder: Path, first: int, share: int, upstream_port: int) -> None:
        key, ca = (folder / "key.pem").read_bytes(), (folder / "ca.pem").read_bytes()
        self._records = Records()
        # All that is dear is done before anybody dials: hosts have a CPU each, and these have a half together.
        dialling = asyncio.Semaphore(_DIALLING)
        self._nodes: list[DrivenNode] = []
        for node_id, certificate in json.loads((folder / "nodes.json").read_text())[first::share]:
            tls = client_tls(key, certificate.encode(), ca)
            tunnel = DrivenTunnel(tls, upstream_port) if upstream_port else None
            self._nodes.append(DrivenNode(node_id, tls, self._records, dialling, tunnel))
        self._tasks: list[asyncio.Task[None]] = []
        gc.freeze()

    def begin(self, port: int) -> None:
        self._tasks = [asyncio.create_task(node.run(port)) for node in self._nodes]

    def counts(self) -> dict[str, Any]:
        return {
            "nodes": len(self._nodes),
            "connected": sum(node.connected for node in self._nodes),
            "attached": sum(node.attached for node in self._nodes),
            "in_flight": sum(node.in_flight for node in self._nodes),
        }

    def take_records(self) -> dict[str, Any]:
        records = self._records
        taken = {
            "echo_ms": records.echo_ms.copy(),
            "beats_late": records.beats_late,
            "changes": records.changes.copy(),
            "ends": dict(records.ends),
        }
        records.clear()
        return taken


async def _main(folder: str, first: str, share: str, upstream_port: str) -> None:
    driver = Driver(Path(folder), int(first), int(share), int(upstream_port))
    reader = asyncio.StreamReader(limit=2**24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        message = json.loads(line)
        match message["do"]:
            case "begin":
                driver.begin(message["port"])
                answer = driver.counts()
            case "counts":
                answer = driver.counts()
            case "records":
                answer = driver.take_records()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    configure_logging()
    uvloop.run(_main(*sys.argv[1:]))
