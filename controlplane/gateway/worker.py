"""One gateway as a process: relays between clients and tunnels from what the control plane told it last.

It outlives the control plane: it keeps answering from its tables and asks for news again and again. It ends on SIGTERM.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import ssl
import sys
import time
from pathlib import Path
from typing import Any

import structlog
import uvloop

from controlplane.gateway.denials import WaitingDenials
from controlplane.gateway.follower import FeedFollower, Streams, connect_to
from controlplane.gateway.process import release
from controlplane.gateway.reports import reporting
from controlplane.gateway.tellers import Say, WhenAdded, every
from homeport.core.errors import HomeportError
from homeport.gateway.access_tokens import AccessTokens
from homeport.gateway.gateway import Gateway
from homeport.gateway.tables import GatewayTables
from homeport.http2.tls import server_tls
from homeport.logging import configure_logging, survive_lost_stderr
from homeport.tls import front_tls, load_pair
from homeport.tunnel.server import TunnelServer

log = structlog.get_logger()

_DRAIN_SECONDS = 10.0
_USES_SECONDS = 20.0
_DENIALS_SECONDS = 1.0


class GatewayWorker:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._tables = GatewayTables()
        self._tunnels = TunnelServer(self._tables, options.worker_id)
        self._tables.on_node = self._tunnels.look_at
        self._tokens = AccessTokens(self._tables.tokens.get)
        self._gateway = Gateway(self._tables.routes, self._tokens.check, self._tunnels, time.monotonic)
        denials = WaitingDenials(time.monotonic)
        self._gateway.on_denied = denials.note
        # Deployments that somebody waits for, while none of their nodes is connected.
        self.wakes = WhenAdded("wake")
        self._gateway.on_wake = self.wakes.add
        self._front = front_tls(http2=True)
        self.tunnel_tls: ssl.SSLContext | None = None
        self._listening: dict[str, Any] | None = None
        self._feed = FeedFollower(self._connect, self._tables, self._ready)
        self._feed.learners |= {"tls": self.take_identity, "client_tls": self._take_client_pair}
        self._feed.tellers += [
            every(_USES_SECONDS, "used", self._tokens.take_uses),
            every(_DENIALS_SECONDS, "denied", denials.take),
            self.wakes.tell,
            reporting(self._gateway),
        ]

    async def run(self, stop: asyncio.Event) -> None:
        following = asyncio.create_task(self._feed.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if following.done():
            following.result()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await self._gateway.close(_DRAIN_SECONDS)

    def take_identity(self, tls: dict[str, str]) -> None:
        """Agents that dial from now on see the newer certificate; tunnels that are open stay."""
        key, certificate = tls["key"].encode(), tls["certificate"].encode()
        if self.tunnel_tls is None:
            self.tunnel_tls = server_tls(key, certificate, tls["ca"].encode())
        else:
            load_pair(self.tunnel_tls, key, certificate)

    def _take_client_pair(self, pair: dict[str, str]) -> None:
        load_pair(self._front, pair["key"].encode(), pair["certificate"].encode())

    async def _connect(self) -> Streams:
        options = self._options
        return await connect_to(options.feed, {"worker": options.worker_id, "pid": os.getpid()}, None)

    async def _ready(self, say: Say) -> None:
        try:
            self._listening = self._listening or await self._listen()
        except HomeportError as error:
            said = {"worker": self._options.worker_id, "error": error.message, "hint": error.hint}
            await say({"listening": said})
            raise
        await say({"listening": self._listening})

    async def _listen(self) -> dict[str, Any]:
        """What it says of itself from now on."""
        options = self._options
        if self.tunnel_tls is None:
            raise ValueError("the control plane gave this gateway no certificate")
        tunnel_port = await self._tunnels.start(f"{options.agent_host}:{options.tunnel_port}", self.tunnel_tls)
        front = self._front if options.clients == "tls" else None
        gateway_port = await self._gateway.start(options.host, options.gateway_port, front)
        log.info("gateway listens", worker=options.worker_id, gateway_port=gateway_port, tunnel_port=tunnel_port)
        return {
            "worker": options.worker_id,
            "pid": os.getpid(),
            "release": release(),
            "options": _comparable(options),
            "gateway_port": gateway_port,
            "tunnel_port": tunnel_port,
        }


def _comparable(options: argparse.Namespace) -> list[str]:
    return [
        *(options.host, str(options.gateway_port), options.clients),
        *(options.agent_host, str(options.tunnel_port)),
    ]


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await GatewayWorker(options).run(stop)


def main() -> None:
    parser = argparse.ArgumentParser(prog="homeport-gateway", description="Started by homeport-server.")
    parser.add_argument("--feed", type=Path, required=True)
    parser.add_argument("--worker-id", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--gateway-port", type=int, required=True)
    parser.add_argument("--clients", required=True, choices=("plain", "tls"))
    parser.add_argument("--agent-host", required=True)
    parser.add_argument("--tunnel-port", type=int, required=True)
    options = parser.parse_args()
    survive_lost_stderr()
    configure_logging()
    try:
        uvloop.run(_serve(options))
    except HomeportError as error:
        sys.exit(f"homeport-gateway: {error}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
