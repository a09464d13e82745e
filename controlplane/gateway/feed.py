"""Tells gateway processes what they must know: JSON lines on a unix socket in the data directory.

A gateway gets `{"tls": {...}}` for its tunnels, `{"client_tls": {...}}` unless clients speak plain HTTP, every entry of
the tables as `{"entry": [table, key, value]}`, `{"complete": true}`, and from then on whatever changes. Once it listens
it says `{"listening": {...}}`.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from controlplane.auth.ca import KeyPair
from homeport.gateway.tables import Entry, GatewayTables, route_entry
from homeport.unix_socket import listen_privately

log = structlog.get_logger()

# A gateway that does not read for this many entries is dropped; it comes back and gets all of them anew.
_MOST_UNSENT = 100_000


class GatewayFeed:
    """`tls` is the tunnel port's credentials and the CA's bundle, `client_pair` the certificate towards clients.
    `on_listening` gets what a gateway says of itself: worker, pid, version, gateway_port, tunnel_port, and the options
    that it was started with. `on_used` gets when it accepted which tokens last, `on_denied` what it refused to whom,
    `on_wake` deployments that somebody waits for there with no node to go to."""

    def __init__(
        self,
        tls: tuple[KeyPair, bytes],
        on_listening: Callable[[dict[str, Any]], None],
        on_used: Callable[[Mapping[str, float]], None],
        on_denied: Callable[[list[dict[str, Any]]], None],
        on_wake: Callable[[str], None],
        client_pair: KeyPair | None = None,
    ) -> None:
        self.tables = GatewayTables()
        self.tables.routes.on_change = self._route_changed
        self._tls = tls
        self._client_pair = client_pair
        self._on_listening = on_listening
        self._on_used = on_used
        self._on_denied = on_denied
        self._on_wake = on_wake
        self._outboxes: set[asyncio.Queue[bytes]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, path: Path) -> None:
        """The caller holds the data directory's lock: a socket that is there belongs to nobody."""
        self._server = await asyncio.start_unix_server(self._serve, sock=listen_privately(path))

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    def put(self, table: str, key: str, value: Any) -> None:
        """Of `tokens` and `epochs`; routes are put into the tables' PolicyTable."""
        self.tables.put(table, key, value)
        self._publish((table, key, value))

    def put_pair(self, pair: KeyPair) -> None:
        """The tunnel port's, newer."""
        self._tls = pair, self._tls[1]
        self._send_all(_tunnel_tls(*self._tls))

    def put_client_pair(self, pair: KeyPair) -> None:
        self._client_pair = pair
        self._send_all(_client_tls(pair))

    def _route_changed(self, deployment_id: str) -> None:
        self._publish(route_entry(deployment_id, self.tables.routes.get(deployment_id)))

    def _publish(self, entry: Entry) -> None:
        self._send_all(_line({"entry": entry}))

    def _send_all(self, line: bytes) -> None:
        for outbox in list(self._outboxes):
            if outbox.qsize() >= _MOST_UNSENT:
                self._outboxes.discard(outbox)
            outbox.put_nowait(line)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        outbox: asyncio.Queue[bytes] = asyncio.Queue()
        hearing = asyncio.create_task(self._hear(reader))
        try:
            writer.write(_tunnel_tls(*self._tls))
            if self._client_pair is not None:
                writer.write(_client_tls(self._client_pair))
            writer.writelines(_line({"entry": entry}) for entry in self.tables.entries())
            writer.write(_line({"complete": True}))
            self._outboxes.add(outbox)
            await self._send(outbox, writer, hearing)
        except OSError:
            pass
        finally:
            self._outboxes.discard(outbox)
            hearing.cancel()
            with contextlib.suppress(OSError):
                writer.close()

    async def _send(
        self, outbox: asyncio.Queue[bytes], writer: asyncio.StreamWriter, gone: "asyncio.Task[None]"
    ) -> None:
        """Until the gateway hangs up or has fallen too far behind."""
        while outbox in self._outboxes:
            await writer.drain()
            waiting = asyncio.ensure_future(outbox.get())
            await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                waiting.cancel()
                return
            writer.write(waiting.result())

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            said = json.loads(line)
            if "listening" in said:
                self._on_listening(said["listening"])
            elif "used" in said:
                self._on_used(said["used"])
            elif "denied" in said:
                self._on_denied(said["denied"])
            elif "wake" in said:
                for deployment_id in said["wake"]:
                    self._on_wake(deployment_id)


def _tunnel_tls(pair: KeyPair, ca: bytes) -> bytes:
    return _line({"tls": {"key": pair.key.decode(), "certificate": pair.certificate.decode(), "ca": ca.decode()}})


def _client_tls(pair: KeyPair) -> bytes:
    return _line({"client_tls": {"key": pair.key.decode(), "certificate": pair.certificate.decode()}})


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
