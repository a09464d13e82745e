"""Tells gateway workers what they must know: JSON lines on a unix socket in the data directory.

A worker sends one byte, with the socket at which it takes clients in, then `{"hello": {...}}`. It
gets `{"tls": {...}}` for its tunnels, `{"client_tls": {...}}` unless clients speak plain HTTP, every entry of the
tables as `{"entry": [table, key, value]}`, `{"complete": true}`, and from then on whatever changes. What it has to say
itself are messages of one key, each of which has a hearer here.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import structlog

from controlplane.auth.ca import KeyPair
from controlplane.gateway.fed_worker import FedWorker, line
from controlplane.gateway.follower import LONGEST_LINE
from homeport.gateway.tables import Entry, GatewayTables, route_entry
from homeport.unix_socket import listen_privately

log = structlog.get_logger()

_HELLO_SECONDS = 10.0

# Gets the worker that has said it, and what stands under the key.
Hearer = Callable[[FedWorker, Any], None]


class Certificates(Protocol):
    """Of the tunnel ports; see GatewayCertificates."""

    @property
    def bundle(self) -> bytes: ...

    def pair(self, worker_id: str) -> KeyPair: ...


class GatewayFeed:
    """`client_pair` is the certificate towards clients. `hearers`: message key to who hears it. `greetings` are made
    for each worker that connects, before the tables. `on_come` and `on_gone` get those whose connection begins, and
    ends."""

    def __init__(self, certificates: Certificates, client_pair: KeyPair | None = None) -> None:
        self.tables = GatewayTables()
        self.tables.routes.on_change = self._route_changed
        self.hearers: dict[str, Hearer] = {}
        self.greetings: list[Callable[[FedWorker], Mapping[str, Any]]] = []
        self.on_come: Callable[[FedWorker], None] | None = None
        self.on_gone: list[Callable[[FedWorker], None]] = []
        self.workers: set[FedWorker] = set()
        # Gateways on hosts of their own: they get the entries, and nothing else that is told here.
        self.hosts: set[FedWorker] = set()
        self._certificates = certificates
        self._client_pair = client_pair
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, path: Path) -> None:
        """The caller holds the data directory's lock: a socket that is there belongs to nobody."""
        listener = listen_privately(path)
        listener.listen(64)
        listener.setblocking(False)
        self._listener = listener
        self._begin(self._accept(listener))

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()

    def put(self, table: str, key: str, value: Any) -> None:
        """Of all tables but routes, which are put into the tables' PolicyTable."""
        self.tables.put(table, key, value)
        self._publish((table, key, value))

    def tell_all(self, message: Mapping[str, Any]) -> None:
        encoded = line(dict(message))
        for worker in self.workers:
            worker.send_line(encoded)

    def put_pair(self, worker_id: str, pair: KeyPair) -> None:
        """That worker's, of its tunnel port, newer."""
        for worker in self.workers:
            if worker.id == worker_id:
                worker.send(_tunnel_tls(pair, self._certificates.bundle))

    def put_client_pair(self, pair: KeyPair) -> None:
        self._client_pair = pair
        self.tell_all(_client_tls(pair))

    def _route_changed(self, deployment_id: str) -> None:
        self._publish(route_entry(deployment_id, self.tables.routes.get(deployment_id)))

    def entries(self) -> Iterator[bytes]:
        """Everything in the tables, as lines for those that begin to listen."""
        for entry in self.tables.entries():
            yield line({"entry": entry})
        yield line({"complete": True})

    def hear(self, worker: FedWorker, message: Mapping[str, Any]) -> None:
        for key, value in message.items():
            if key in self.hearers:
                self.hearers[key](worker, value)

    def _publish(self, entry: Entry) -> None:
        encoded = line({"entry": entry})
        for each in (*self.workers, *self.hosts):
            each.send_line(encoded)

    def _begin(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            self._begin(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        try:
            async with asyncio.timeout(_HELLO_SECONDS):
                descriptor = await _first_byte(connection)
        except OSError:
            connection.close()
            return
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=LONGEST_LINE)
        try:
            async with asyncio.timeout(_HELLO_SECONDS):
                worker = FedWorker(_hello_in(await reader.readline()), descriptor)
        except (OSError, ValueError) as error:
            log.warning("somebody at the feed said no hello", error=str(error))
            writer.close()
            if descriptor is not None:
                os.close(descriptor)
            return
        hearing = asyncio.create_task(self._hear(worker, reader))
        try:
            self.workers.add(worker)
            if self.on_come is not None:
                self.on_come(worker)
            self._greet(worker, writer)
            await _send(worker, writer, hearing)
        except OSError:
            pass
        finally:
            self.workers.discard(worker)
            hearing.cancel()
            with contextlib.suppress(OSError):
                writer.close()
            for hear in self.on_gone:
                hear(worker)
            if worker.listener is not None:
                os.close(worker.listener)

    def _greet(self, worker: FedWorker, writer: asyncio.StreamWriter) -> None:
        certificates = self._certificates
        writer.write(line(_tunnel_tls(certificates.pair(worker.id), certificates.bundle)))
        if self._client_pair is not None:
            writer.write(line(_client_tls(self._client_pair)))
        for greeting in self.greetings:
            writer.write(line(dict(greeting(worker))))
        writer.writelines(self.entries())

    async def _hear(self, worker: FedWorker, reader: asyncio.StreamReader) -> None:
        while said := await reader.readline():
            self.hear(worker, json.loads(said))


def _hello_in(said: bytes) -> dict[str, Any]:
    """Raises ValueError."""
    match json.loads(said):
        case {"hello": {"worker": str()} as hello}:
            return dict(hello)
    raise ValueError("it did not name itself")


async def _first_byte(connection: socket.socket) -> int | None:
    """The descriptor that came with it, if one did."""
    loop = asyncio.get_running_loop()
    connection.setblocking(False)
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
    data, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
    if not data:
        raise OSError("it hung up")
    return descriptors[0] if descriptors else None


async def _send(worker: FedWorker, writer: asyncio.StreamWriter, gone: "asyncio.Task[None]") -> None:
    """Until the worker hangs up or has fallen too far behind."""
    while not worker.behind:
        await writer.drain()
        waiting = asyncio.ensure_future(worker.outbox.get())
        await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            return
        writer.write(waiting.result())


def _tunnel_tls(pair: KeyPair, ca: bytes) -> dict[str, Any]:
    return {"tls": {"key": pair.key.decode(), "certificate": pair.certificate.decode(), "ca": ca.decode()}}


def _client_tls(pair: KeyPair) -> dict[str, Any]:
    return {"client_tls": {"key": pair.key.decode(), "certificate": pair.certificate.decode()}}
