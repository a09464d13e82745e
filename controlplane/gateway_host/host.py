"""A gateway on a host of its own: what it is made of, and the order in which it starts and stops.

Its workers are those of any gateway. This program keeps them, follows the control plane's feed for them, and holds what
it learned on its disk: nothing here waits for the control plane once it has been told everything for the first time.
"""

import asyncio
import socket
import time
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import structlog

from controlplane.auth.client_tls import CertificateFiles, ClientTls
from controlplane.config import ServerConfig
from controlplane.front import url
from controlplane.gateway.feed import GatewayFeed
from controlplane.gateway.follower import FeedFollower
from controlplane.gateway.process import GatewayTerms, release
from controlplane.gateway.tellers import Say
from controlplane.gateway.workers import GatewayWorkers
from controlplane.gateway_host.certificates import HostCertificates
from controlplane.gateway_host.identity import HostIdentity, IdentityFiles
from controlplane.gateway_host.joining import join, token_sha256
from controlplane.gateway_host.link import FeedLink
from controlplane.gateway_host.tables import HostTables
from controlplane.gateway_host.upstream import Upstream
from controlplane.private_file import write_private
from controlplane.store.filelock import FileLock
from controlplane.store.storage_errors import unusable
from homeport.core.errors import ErrorCode, HomeportError
from homeport.target import join_target, split_target

log = structlog.get_logger()

_FIRST_TABLES_SECONDS = 60.0
_SKEW_SECONDS = 30.0


class GatewayHost:
    """Use as startup, run, shutdown, as the control plane's Server."""

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._files = IdentityFiles(config.data_dir)
        self._cleanup = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._complete = asyncio.Event()
        self._asked_size = config.gateway_workers
        self._leave_workers = self._was_ready = self._removed = False

    async def startup(self) -> dict[str, str]:
        """The addresses, once every port listens. Raises HomeportError."""
        config = self._config
        try:
            config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = FileLock(config.data_dir / "gateway.lock")
            lock.acquire()
        except OSError as error:
            raise unusable(config.data_dir, error) from None
        self._cleanup.callback(lock.release)
        identity = await self._identity()
        self._open(identity)
        self._cleanup.push_async_callback(self._tables.close)
        await self._be_certain()
        await self._feed.start(self._socket)
        self._cleanup.push_async_callback(self._feed.close)
        ports = await self._workers.start()
        self._cleanup.push_async_callback(self._end_workers)
        self._spawn("gateway", self._workers.run())
        self._was_ready = True
        return {"name": identity.name, "gateway": self._url(ports[1]), "tunnels": self._target}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, or until a part that must not end has ended: then its error is raised."""
        stopping = asyncio.create_task(stop.wait(), name="stop-signal")
        done, _ = await asyncio.wait([stopping, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for task in done:
            if task in self._tasks:
                self._look_at(task)

    async def shutdown(self, leave_gateway: bool = False) -> None:
        """With `leave_gateway` its workers go on, for the next program to take over; not where it was removed."""
        self._leave_workers = leave_gateway
        await self._cleanup.aclose()
        log.info("gateway stopped")

    async def _identity(self) -> HostIdentity:
        config = self._config
        identity = await asyncio.to_thread(self._files.load)
        token = config.join_token
        if identity is not None and (not token or token_sha256(token) == identity.joined_with):
            return identity
        if not token:
            raise HomeportError(
                ErrorCode.INVALID_ARGUMENT,
                f"this host has not joined as a gateway yet: {config.data_dir} does not say which one it is",
                hint="add --control-plane HOST:8442 --join-token TOKEN; homeport gateway join-token NAME makes one",
            )
        key = await asyncio.to_thread(self._files.key)
        joined = await asyncio.to_thread(join, config.control_plane, token, key)
        await asyncio.to_thread(self._files.save, joined)
        if identity is not None and identity.name != joined.name:
            (config.data_dir / "gateway-tables").unlink(missing_ok=True)
        return joined

    def _open(self, identity: HostIdentity) -> None:
        config = self._config
        folder = config.data_dir.absolute()
        known = ("localhost", "127.0.0.1", self._host, *config.tls_names)
        names = tuple(dict.fromkeys(known)) if config.tls else ()
        self._certificates = HostCertificates(self._files, identity, names)
        self._feed = GatewayFeed(self._certificates)
        self._feed.greetings.append(lambda worker: {"access_log": config.access_log})
        self._tables = HostTables(self._feed, folder / "gateway-tables")
        self._tables.load()
        self._size = config.gateway_workers or self._tables.size or 1
        self._certificates.need(self._size)
        self._socket = folder / "gateways.sock"
        terms = GatewayTerms(
            config.host,
            config.gateway_port,
            "tls" if config.serves_tls else "plain",
            config.agent_host,
            config.tunnel_port,
            config.trusted_proxies,
            identity.name,
        )
        self._workers = GatewayWorkers(terms, self._feed, self._socket, folder, self._size)
        self._certificates.on_change = self._feed.put_pair
        upstream = Upstream(self._feed, self._workers.shown)
        self._link = FeedLink(lambda: self._certificates.identity, self._hello)
        self._follower = FeedFollower(self._link.connect, self._tables, self._told_everything)
        self._follower.learners |= {
            "size": self._resize,
            "time": _compare_clocks,
            "worker": upstream.heard,
            "goodbye": self._link.told_goodbye,
        }
        self._follower.tellers += [upstream.tell, upstream.tell_shown]

    async def _be_certain(self) -> None:
        """That there is what workers need: certificates, and tables of some time or other. Raises HomeportError."""
        await self._certificates.ensure_some(self._size)
        self._spawn("certificates", self._certificates.run())
        if self._config.serves_tls:
            self._open_client_tls()
        self._spawn("follow-control-plane", self._follower.run())
        self._spawn("keep-tables", self._tables.keep(time.monotonic))
        if self._tables.is_complete:
            return
        following = self._tasks[-2]
        told = asyncio.create_task(self._complete.wait())
        await asyncio.wait({told, following}, timeout=_FIRST_TABLES_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if following.done():
            self._look_at(following)
        if not self._tables.is_complete:
            raise HomeportError(
                ErrorCode.UNAVAILABLE,
                f"the control plane has told this gateway nothing yet: {self._link.problem}",
                hint="check that it runs, and that this host may open connections to its session port",
            )

    def _open_client_tls(self) -> None:
        config = self._config
        if config.tls_cert is not None and config.tls_key is not None:
            tls = ClientTls(CertificateFiles(config.tls_cert, config.tls_key))
        else:
            write_private(config.data_dir / "ca.crt", self._certificates.bundle)
            tls = ClientTls(self._certificates)
        tls.on_change = self._feed.put_client_pair
        tls.look(datetime.now(UTC))
        self._spawn("client-certificate", tls.follow())

    def _hello(self) -> Mapping[str, Any]:
        return {
            "release": release(),
            "host": socket.gethostname(),
            "tunnels": [self._target],
            "url": self._url(self._config.gateway_port),
            "workers": self._asked_size,
            "time": time.time(),
        }

    @property
    def _host(self) -> str:
        return split_target(self._config.advertise, 1)[0]

    @property
    def _target(self) -> str:
        """Of its tunnel port, as agents reach it."""
        return join_target(*split_target(self._config.advertise, self._config.tunnel_port))

    def _url(self, port: int) -> str:
        return url("https" if self._config.serves_tls else "http", self._host, port)

    async def _told_everything(self, say: Say) -> None:
        # What the command line said is known now; what is said after that counts.
        self._asked_size = None
        self._complete.set()

    def _resize(self, size: int) -> None:
        self._tables.resize(size)
        self._certificates.need(size)
        self._workers.scale(size)

    def _look_at(self, task: "asyncio.Task[Any]") -> None:
        """Raises what has ended it. Who was turned away serves nobody any more, and keeps nothing of what it knew."""
        try:
            task.result()
        except HomeportError as error:
            if error.code is ErrorCode.PERMISSION_DENIED:
                self._removed = True
                self._tables.forget()
            raise

    async def _end_workers(self) -> None:
        await self._workers.end(leave=self._leave_workers and self._was_ready and not self._removed)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.append(task)
        self._cleanup.push_async_callback(_cancelled, task)


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])


def _compare_clocks(server_time: float) -> None:
    ahead = time.time() - server_time
    if abs(ahead) > _SKEW_SECONDS:
        log.warning("this host's clock is not the control plane's: set it, best with NTP", ahead_seconds=round(ahead))
