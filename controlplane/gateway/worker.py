"""One gateway as a process: relays between clients and tunnels from what the control plane told it last.

It outlives the control plane: it keeps answering from its tables and asks for news again and again. It ends on SIGTERM.
"""

import argparse
import asyncio
import contextlib
import json
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
from controlplane.gateway.process import release
from homeport.core.errors import HomeportError
from homeport.gateway.access_tokens import AccessTokens
from homeport.gateway.gateway import Gateway
from homeport.gateway.tables import GatewayTables
from homeport.http2.tls import server_tls
from homeport.logging import configure_logging, survive_lost_stderr
from homeport.tls import front_tls, load_pair
from homeport.tunnel.server import TunnelServer
from homeport.unix_socket import short_name

log = structlog.get_logger()

_RETRY_SECONDS = 0.2
_DRAIN_SECONDS = 10.0
_USES_SECONDS = 20.0
_DENIALS_SECONDS = 1.0
_LONGEST_LINE = 1 << 24


class GatewayWorker:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._tables = GatewayTables()
        self._tunnels = TunnelServer(self._tables, options.worker_id)
        self._tables.on_node = self._tunnels.look_at
        self._tokens = AccessTokens(self._tables.tokens.get)
        self._gateway = Gateway(self._tables.routes, self._tokens.check, self._tunnels, time.monotonic)
        self._denials = WaitingDenials(time.monotonic)
        self._gateway.on_denied = self._denials.note
        # Deployments to be woken, of which the control plane has not been told yet.
        self._awaited: set[str] = set()
        self._awaits = asyncio.Event()
        self._gateway.on_wake = self.wake
        self._front = front_tls()
        self.tunnel_tls: ssl.SSLContext | None = None
        self._listening: dict[str, Any] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        following = asyncio.create_task(self._follow())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if following.done():
            following.result()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await self._gateway.close(_DRAIN_SECONDS)

    async def _follow(self) -> None:
        """Whatever becomes of the control plane: what was learned from it stays valid until it says otherwise."""
        while True:
            try:
                with short_name(self._options.feed) as path:
                    reader, writer = await asyncio.open_unix_connection(path, limit=_LONGEST_LINE)
            except OSError:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            tellers = self._tell_uses, self._tell_denials, self._tell_wakes
            telling = [asyncio.create_task(tell(writer)) for tell in tellers]
            try:
                await self._learn(reader, writer)
            except (OSError, ValueError) as error:
                log.warning("the control plane's feed broke off", error=str(error))
            finally:
                for task in telling:
                    task.cancel()
                writer.close()
            log.warning("the control plane is away; routes and tokens stay as they are")

    async def _learn(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        named: set[tuple[str, str]] = set()
        while line := await reader.readline():
            message = json.loads(line)
            if "entry" in message:
                table, key, value = message["entry"]
                self._tables.put(table, key, value)
                named.add((table, key))
            elif "tls" in message:
                self.take_identity(message["tls"])
            elif "client_tls" in message:
                pair = message["client_tls"]
                load_pair(self._front, pair["key"].encode(), pair["certificate"].encode())
            elif "complete" in message:
                self._tables.keep_only(named)
                try:
                    self._listening = self._listening or await self._listen()
                except HomeportError as error:
                    await _say(writer, {"worker": self._options.worker_id, "error": error.message, "hint": error.hint})
                    raise
                await _say(writer, self._listening)

    def take_identity(self, tls: dict[str, str]) -> None:
        """Agents that dial from now on see the newer certificate; tunnels that are open stay."""
        key, certificate = tls["key"].encode(), tls["certificate"].encode()
        if self.tunnel_tls is None:
            self.tunnel_tls = server_tls(key, certificate, tls["ca"].encode())
        else:
            load_pair(self.tunnel_tls, key, certificate)

    async def _tell_uses(self, writer: asyncio.StreamWriter) -> None:
        """When which token was accepted last, now and then."""
        with contextlib.suppress(OSError):
            while True:
                await asyncio.sleep(_USES_SECONDS)
                if self._tokens.last_uses:
                    used, self._tokens.last_uses = self._tokens.last_uses, {}
                    writer.write(json.dumps({"used": used}).encode() + b"\n")
                    await writer.drain()

    async def _tell_denials(self, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                await asyncio.sleep(_DENIALS_SECONDS)
                if denied := self._denials.take():
                    writer.write(json.dumps({"denied": denied}).encode() + b"\n")
                    await writer.drain()

    def wake(self, deployment_id: str) -> None:
        """Somebody waits for it, and none of its nodes is connected."""
        self._awaited.add(deployment_id)
        self._awaits.set()

    async def _tell_wakes(self, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                await self._awaits.wait()
                self._awaits.clear()
                awaited, self._awaited = self._awaited, set()
                writer.write(json.dumps({"wake": sorted(awaited)}).encode() + b"\n")
                await writer.drain()

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


async def _say(writer: asyncio.StreamWriter, said: dict[str, Any]) -> None:
    writer.write(json.dumps({"listening": said}).encode() + b"\n")
    await writer.drain()


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
