"""One gateway as a process: relays between clients and tunnels from what the control plane told it last.

It outlives the control plane: it keeps answering from its tables and asks for news again and again. It ends on SIGTERM,
and on SIGUSR1 once its clients are gone.
"""

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import socket
import ssl
import sys
import time
from pathlib import Path

import structlog
import uvloop

from controlplane.gateway.follower import FeedFollower, Streams, connect_to
from controlplane.gateway.leasing import Leasing
from controlplane.gateway.process import release
from controlplane.gateway.reports import Reporting
from controlplane.gateway.tellers import Say, WhenAdded, every
from homeport.core import canonical
from homeport.core.errors import HomeportError
from homeport.core.limits.borrower import Borrower
from homeport.freed_memory import keep_freed_memory
from homeport.gateway.callers.access_tokens import AccessTokens
from homeport.gateway.callers.client_address import trusted_proxies
from homeport.gateway.callers.waiting_denials import WaitingDenials
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
_NODES_SECONDS = 0.2
# A stream that is longer than this breaks off when its worker is replaced.
_RETIRE_SECONDS = 600.0


class GatewayWorker:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._tables = GatewayTables()
        self._tunnels = TunnelServer(self._tables, options.worker_id)
        self._tables.on_node = self._tunnels.look_at
        self._tokens = AccessTokens(self._tables.tokens.get)
        borrower = Borrower(options.worker_id, secrets.token_hex(8))
        self._gateway = Gateway(
            self._tables.routes, self._tokens.check, self._tunnels, time.monotonic, borrower=borrower
        )
        leasing = Leasing(self._gateway.limiter)
        self._gateway.proxies = trusted_proxies(options.trusted_proxies)
        denials = WaitingDenials(time.monotonic)
        self._gateway.on_denied = denials.note
        # Deployments that somebody waits for, while none of their nodes is connected.
        self.wakes = WhenAdded("wake")
        self._gateway.on_wake = self.wakes.add
        self._front = front_tls(http2=True)
        self.tunnel_tls: ssl.SSLContext | None = None
        self._listener: socket.socket | None = None
        self._tunnel_port = 0
        self._serving = self._retiring = False
        self._asked_to_serve = asyncio.Event()
        reporting = Reporting(self._gateway)

        def linked(is_linked: bool) -> None:
            leasing.set_linked(is_linked)
            reporting.forget()

        self._feed = FeedFollower(self._connect, self._tables, self._ready)
        self._feed.learners |= {
            "tls": self.take_identity,
            "client_tls": self._take_client_pair,
            "workers": self._tunnels.set_workers,
            "serve": lambda _: self._asked_to_serve.set(),
            "lease_grant": leasing.granted,
            "linked": linked,
            "access_log": self._gateway.write_access_log,
        }
        self._feed.tellers += [
            every(_USES_SECONDS, "used", self._tokens.take_uses),
            every(_DENIALS_SECONDS, "denied", lambda: canonical.to_plain(denials.take())),
            self.wakes.tell,
            reporting.tell,
            self._tell_serving,
            self._tell_nodes,
            leasing.tell,
        ]

    async def run(self, stop: asyncio.Event, retire: asyncio.Event | None = None) -> None:
        """Until `stop`, or after `retire` until the last client is gone."""
        following = asyncio.create_task(self._feed.run())
        ends = {following, asyncio.create_task(stop.wait())}
        if retire is not None:
            ends.add(asyncio.create_task(self._leave(retire)))
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()
        for task in ends:
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        await self._gateway.close(0.0 if self._retiring else _DRAIN_SECONDS)
        if self._listener is not None:
            self._listener.close()

    async def _leave(self, retire: asyncio.Event) -> None:
        await retire.wait()
        self._retiring = True
        log.info("gateway retires", worker=self._options.worker_id, connections=self._gateway.connection_count)
        await self._gateway.retire(_RETIRE_SECONDS)

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
        if self._listener is None:
            self._listener = socket.socket(fileno=options.listener)
        hello = {
            "worker": options.worker_id,
            "pid": os.getpid(),
            "release": release(),
            "terms": options.terms,
            "tunnel_port": self._tunnel_port,
            "listening": self._tunnel_port > 0,
            "serving": self._serving,
            "retiring": self._retiring,
        }
        return await connect_to(options.feed, hello, self._listener)

    async def _ready(self, say: Say) -> None:
        if self.tunnel_tls is None:
            raise ValueError("the control plane gave this gateway no certificate")
        try:
            if not self._tunnel_port:
                self._tunnel_port = await self._tunnels.start(self._options.tunnels, self.tunnel_tls, shares_port=True)
        except HomeportError as error:
            await say({"listening": {"error": error.message, "hint": error.hint}})
            raise
        await say({"listening": {"tunnel_port": self._tunnel_port}})

    async def _tell_serving(self, say: Say) -> None:
        """Clients are taken in when it is asked for: then nodes have tunnels here."""
        await self._asked_to_serve.wait()
        if not self._serving and self._listener is not None:
            self._serving = True
            await self._gateway.share(self._listener, self._front if self._options.clients == "tls" else None)
            log.info("gateway serves", worker=self._options.worker_id)
        await say({"serving": True})

    async def _tell_nodes(self, say: Say) -> None:
        told: set[str] = set()
        while True:
            nodes = self._gateway.presences.nodes()
            if nodes != told:
                await say({"nodes": [sorted(nodes - told), sorted(told - nodes)]})
                told = nodes
            await asyncio.sleep(_NODES_SECONDS)


async def _serve(options: argparse.Namespace) -> None:
    stop, retire = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, retire.set)
    await GatewayWorker(options).run(stop, retire)


def main() -> None:
    parser = argparse.ArgumentParser(prog="homeport-gateway", description="Started by homeport-server.")
    parser.add_argument("--feed", type=Path, required=True)
    parser.add_argument("--worker-id", required=True)
    parser.add_argument("--listener", type=int, required=True)
    parser.add_argument("--clients", required=True, choices=("plain", "tls"))
    parser.add_argument("--tunnels", required=True)
    parser.add_argument("--trusted-proxies", default="")
    parser.add_argument("--terms", required=True)
    options = parser.parse_args()
    survive_lost_stderr()
    configure_logging()
    keep_freed_memory()
    try:
        uvloop.run(_serve(options))
    except HomeportError as error:
        sys.exit(f"homeport-gateway: {error}")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
