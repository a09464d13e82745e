"""The gateways of a control plane: the feed that all follow, the one beside it, those on hosts of their own."""

import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from controlplane.auth.ca import CertificateAuthority
from controlplane.auth.client_tls import ClientTls
from controlplane.config import ServerConfig
from controlplane.fleet.gateway_size import GATEWAY, follow_size, put_workers, workers_in
from controlplane.gateway.certificate import GatewayCertificates
from controlplane.gateway.denials import GatewayDenials
from controlplane.gateway.feed import GatewayFeed, Hearer
from controlplane.gateway.hosts import GatewayHosts
from controlplane.gateway.lease_desk import LeaseDesk
from controlplane.gateway.process import GatewayTerms
from controlplane.gateway.publisher import GatewayPublisher
from controlplane.gateway.reports import GatewayReports
from controlplane.gateway.workers import GatewayWorkers
from controlplane.metrics.page import Sources
from controlplane.pipelines.wakes import Wakes
from controlplane.sessions.sessions import Sessions
from controlplane.sites.site_feed import SiteFeed
from controlplane.store.store import Kind, Store
from homeport.gateway.callers.access_tokens import AccessTokens
from homeport.gateway.callers.client_address import trusted_proxies
from homeport.gateway.gateway import Gateway
from homeport.gateway.telemetry.report import report_of
from homeport.http2.tls import server_tls
from homeport.tls import load_pair
from homeport.tunnel.server import TunnelServer

_DRAIN_SECONDS = 10.0
_INSIDE = "gateway-0"

Spawn = Callable[[str, Coroutine[Any, Any, None]], None]


@dataclass(frozen=True, slots=True)
class Hearers:
    """Who hears what gateways have to say."""

    access_tokens: AccessTokens
    denials: GatewayDenials
    leases: LeaseDesk
    wakes: Wakes
    metrics: Sources


class Gateways:
    """`spawn` runs what follows for as long as the server does; `cleanup` undoes what was started. Use as start, end.

    `leave_workers` is asked at the end: whether those that relay go on for the next control plane.
    """

    def __init__(
        self,
        config: ServerConfig,
        store: Store,
        sessions: Sessions,
        ca: CertificateAuthority,
        client_tls: ClientTls | None,
        hearers: Hearers,
        spawn: Spawn,
        cleanup: AsyncExitStack,
    ) -> None:
        self._config = config
        self._store = store
        self._ca = ca
        self._client_tls = client_tls
        self._hearers = hearers
        self._spawn = spawn
        self._cleanup = cleanup
        self._certificates = GatewayCertificates(ca)
        self._feed = GatewayFeed(self._certificates, client_tls.pair if client_tls else None)
        self._publisher = GatewayPublisher(store, self._feed)
        self._workers: GatewayWorkers | None = None
        self.hosts = GatewayHosts(store, self._feed, hearers.leases.cut_off, time.time)
        self.sites = SiteFeed(store, self._feed.tables, sessions, config.local_gateway_days * 86_400)
        self.leave_workers: Callable[[], bool] = lambda: False
        sessions.on_open = self._publisher.session_opened
        self._publisher.on_change = self.sites.tables_changed

    @property
    def shown(self) -> Callable[[], list[dict[str, Any]]] | None:
        """The workers beside the control plane as the API shows them; None where the gateway is inside it."""
        return self._workers.shown if self._workers is not None else None

    @property
    def found(self) -> bool:
        """Some of its workers relayed before this start."""
        return self._workers is not None and self._workers.found

    async def start(self) -> tuple[int, int]:
        """(tunnel port, gateway port). It knows all routes before a gateway of an earlier run is heard."""
        self._connect()
        self._spawn("gateway-certificates", self._certificates.follow())
        self._spawn("gateway-denials", self._hearers.denials.run())
        self._spawn("local-gateways", self.sites.follow_store())
        self._spawn("site-tables", self.sites.run())
        self._publisher.load()
        self._spawn("routes", self._publisher.follow_store())
        self._spawn("gateway-hosts", self.hosts.follow_store())
        return await (self._start_inside() if self._config.gateway_inside else self._start_workers())

    def _connect(self) -> None:
        feed, hearers = self._feed, self._hearers
        self._certificates.on_change = feed.put_pair
        if self._client_tls is not None:
            self._client_tls.on_change = feed.put_client_pair
        reports = GatewayReports(lambda: feed.workers | self.hosts.workers())
        heard: dict[str, Hearer] = {
            "used": lambda _, used: hearers.access_tokens.note_uses(used),
            "denied": lambda _, denied: hearers.denials.hear(denied),
            "wake": lambda _, deployment_ids: hearers.wakes.hear(*deployment_ids),
            "counted": reports.hear,
            "lease_report": hearers.leases.hear,
        }
        feed.hearers |= heard
        feed.greetings.append(lambda worker: {"access_log": self._config.access_log})
        feed.on_gone.append(hearers.leases.gone)
        hearers.metrics.reports = reports.all

    async def _start_workers(self) -> tuple[int, int]:
        folder = self._config.data_dir.absolute()
        socket = folder / "gateways.sock"
        workers = GatewayWorkers(_terms(self._config), self._feed, socket, folder, await self._wanted_workers())
        self._workers = workers
        await self._feed.start(socket)
        self._cleanup.push_async_callback(self._feed.close)
        ports = await workers.start()
        self._cleanup.push_async_callback(self._end_workers, workers)
        self._spawn("gateway", workers.run())
        self._spawn("gateway-size", follow_size(self._store, workers.scale))
        return ports

    async def _wanted_workers(self) -> int:
        """The last that was said counts, on the command line or by `homeport gateway scale`."""
        told = self._config.gateway_workers
        if told is not None and told != workers_in(self._store.get(Kind.GATEWAY, GATEWAY)):
            await self._store.write(lambda tx: put_workers(tx, told))
        return workers_in(self._store.get(Kind.GATEWAY, GATEWAY))

    async def _end_workers(self, workers: GatewayWorkers) -> None:
        await workers.end(leave=self.leave_workers())

    async def _start_inside(self) -> tuple[int, int]:
        """One in this process, which reads the tables where they are."""
        config, feed, hearers = self._config, self._feed, self._hearers
        tunnels = TunnelServer(feed.tables, _INSIDE)
        feed.tables.on_node = tunnels.look_at
        gateway = Gateway(feed.tables.routes, hearers.access_tokens.check, tunnels, time.monotonic)
        gateway.proxies = trusted_proxies(config.trusted_proxies)
        gateway.on_denied = hearers.denials.note
        gateway.on_wake = hearers.wakes.hear
        gateway.write_access_log(config.access_log)
        others = hearers.metrics.reports
        hearers.metrics.reports = lambda: [report_of(gateway, _INSIDE), *others()]
        self._spawn("own-leases", hearers.leases.lend_to(gateway.limiter))
        pair = self._certificates.pair(_INSIDE)
        tls = server_tls(pair.key, pair.certificate, self._ca.bundle)
        self._certificates.on_change = lambda _, newer: load_pair(tls, newer.key, newer.certificate)
        tunnel_port = await tunnels.start(f"{config.agent_host}:{config.tunnel_port}", tls)
        self._cleanup.push_async_callback(gateway.close, _DRAIN_SECONDS)
        front = self._client_tls.gateway if self._client_tls else None
        return tunnel_port, await gateway.start(config.host, config.gateway_port, front)


def _terms(config: ServerConfig) -> GatewayTerms:
    clients = "tls" if config.serves_tls else "plain"
    return GatewayTerms(
        config.host, config.gateway_port, clients, config.agent_host, config.tunnel_port, config.trusted_proxies
    )
