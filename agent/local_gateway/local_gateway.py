"""The local gateway as a whole: the ports of a site's clients and agents, and what must be known to serve them.

Nothing here waits for the control plane: with what the disk holds it serves at once, and goes on when the link is lost.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import structlog

from agent.boot import boot_id, uptime_seconds
from agent.link.messages import SiteUpdate
from agent.local_gateway.address import reached_at
from agent.local_gateway.certificate import GatewayCertificate, GatewayPair
from agent.local_gateway.denials import SiteDenials
from agent.local_gateway.door import SiteDoor
from agent.local_gateway.freshness import Freshness
from agent.local_gateway.front import Front
from agent.local_gateway.leasing import SiteLeasing
from agent.local_gateway.options import LocalGatewayOptions
from agent.local_gateway.site_tables import SiteTables
from agent.local_gateway.site_tokens import SiteTokens
from agent.state.database import StateDatabase
from agent.state.directory import StateDirectory
from agent.state.identity import Identity
from agent.state.site import SiteStore
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.limits.borrower import Borrower
from homeport.gateway.callers.access_tokens import AccessTokens
from homeport.gateway.callers.client_address import trusted_proxies
from homeport.gateway.gateway import Gateway
from homeport.gateway.tables import GatewayTables
from homeport.gateway.telemetry.report import report_of
from homeport.http2.tls import waiting_server_tls
from homeport.target import join_target
from homeport.tls import load_pair
from homeport.tunnel.link import Link
from homeport.tunnel.pipe import Pipe
from homeport.tunnel.server import TunnelServer

if TYPE_CHECKING:
    from homeport.metrics.families import Metric

log = structlog.get_logger()

# How often the disk is told when the control plane was heard. What a crash loses makes tokens end sooner.
_KEEP_SECONDS = 600.0


class LocalGateway:
    """`heard_ago` seconds is when this agent heard the control plane; None = it has not. `session` and `tell_leases`
    are those of SiteLeasing."""

    def __init__(
        self,
        options: LocalGatewayOptions,
        directory: StateDirectory,
        identity: Callable[[], Identity],
        heard_ago: Callable[[], float | None],
        session: Callable[[], int] = lambda: 0,
        tell_leases: Callable[[str], bool] = lambda report_json: False,
        denials: SiteDenials | None = None,
    ) -> None:
        node_id = identity().node_id
        self._options = options
        self._identity = identity
        self._database = StateDatabase.open(directory.site)
        self._store = SiteStore(self._database)
        self._freshness = Freshness(boot_id(), uptime_seconds, time.time, heard_ago)
        self._tables = GatewayTables()
        self._site = SiteTables(self._tables, self._store)
        door = SiteDoor(self._tables, time.time, lambda: self._freshness.limit)
        self._tunnels = TunnelServer(door, node_id)
        self._tables.on_node = self._tunnels.look_at
        tokens = SiteTokens(AccessTokens(self._tables.tokens.get).check, self._freshness)
        borrower = Borrower(f"node/{node_id}", secrets.token_hex(8))
        self.gateway = Gateway(self._tables.routes, tokens.check, self._tunnels, time.monotonic, borrower=borrower)
        self.leasing = SiteLeasing(self.gateway.limiter, session, tell_leases)
        self._denials = denials or SiteDenials(lambda: False, lambda denials: False)
        self.gateway.on_denied = self._denials.note
        self.gateway.proxies = trusted_proxies(options.trusted_proxies)
        # No request leaves this node as long as its own replicas have room.
        self.gateway.presences.distance = lambda other: int(other != node_id)
        self._front = Front(options)
        self._host = reached_at(options.address, options.clients_at[0])
        self._tunnel_host = reached_at(options.address, options.tunnels_at[0])
        names = (self._host,) if self._front.is_internal else ()
        self._certificate = GatewayCertificate(
            directory.gateway_certificate, identity, names, time.time, lambda: self._freshness.is_linked, random.random
        )
        self._certificate.on_change = self._use
        self._tunnel_tls = waiting_server_tls(identity().ca, at_any_time=True)
        self._pipe = Pipe(node_id)
        self._ports = (0, 0)

    @property
    def announced(self) -> tuple[str, str]:
        """(host:port of its tunnels as siblings reach it, its URL for clients)."""
        clients, tunnels = self._ports
        scheme = "https" if self._options.serves_tls else "http"
        return join_target(self._tunnel_host, tunnels), f"{scheme}://{join_target(self._host, clients)}"

    @property
    def own_end(self) -> Link:
        """For this node's relay: its replicas are reached without a tunnel."""
        return self._pipe.agent

    async def start(self) -> None:
        """Listens. Raises HomeportError when a port is taken or a file is of no use."""
        entries, limit, heard = await self._store.load()
        self._freshness.load(heard, limit)
        self._site.load(entries)
        self._certificate.load()
        self._front.start()
        (client_host, client_port), (tunnel_host, tunnel_port) = self._options.clients_at, self._options.tunnels_at
        try:
            clients = await self.gateway.start(client_host, client_port, self._front.context)
            tunnels = await self._tunnels.start(join_target(tunnel_host, tunnel_port), self._tunnel_tls)
        except HomeportError as error:
            raise _taken(error) from error
        self._ports = clients, tunnels
        self.gateway.write_access_log(self._options.access_log)
        if self._tunnels.listener is not None:
            self._tunnels.listener.on_attach(self._pipe.gateway)
        log.info("local gateway listens", clients=self.announced[1], tunnels=self.announced[0])

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._certificate.run(), name="gateway-certificate")
            group.create_task(self._front.run(), name="gateway-front")
            group.create_task(self._keep_heard(), name="gateway-heard")
            group.create_task(self.leasing.run(), name="gateway-leases")
            group.create_task(self._denials.run(), name="gateway-denials")

    async def take(self, update: SiteUpdate) -> None:
        """What the control plane says of this site."""
        if await self._site.take(update.first, update.last, update.changes, update.token_seconds):
            self._freshness.limit = update.token_seconds

    async def drain(self, seconds: float) -> None:
        """Takes nothing new, and answers what is open for up to so many seconds."""
        await self.gateway.close(seconds)
        self._pipe.close("the agent stops")

    async def close(self) -> None:
        await self._note_heard()
        self._database.close()

    def status(self) -> dict[str, Any]:
        """Plain values. `tokens_accepted_seconds`: for how long yet, should nothing more be heard."""
        tunnels, url = self.announced
        problems = [self._certificate.problem, self._site.problem]
        return {
            "url": url,
            "tunnels": tunnels,
            "certified": self._certificate.pair is not None,
            "deployments": len(self._tables.routes),
            "tokens": len(self._tables.tokens),
            "nodes": len(self._tables.nodes),
            "tokens_accepted_seconds": max(0.0, round(self._freshness.left, 1)) if self._freshness.limit else 0.0,
            "problems": [problem for problem in problems if problem],
        }

    def metrics(self) -> Iterator["Metric"]:
        """Its requests and its process, as those of other gateways."""
        # Takes 1 MB: loaded only where somebody asks for metrics.
        from homeport.gateway.telemetry.gateway_metrics import gateway_metrics

        report = report_of(self.gateway, self._identity().node_id)
        return gateway_metrics([report], report.deployments.keys() | report.at_nodes.keys())

    def _use(self, pair: GatewayPair) -> None:
        load_pair(self._tunnel_tls, pair.key.encode(), pair.certificate.encode())
        if pair.client_certificate:
            self._front.use(pair.key.encode(), pair.client_certificate.encode())

    async def _keep_heard(self) -> None:
        while not self._freshness.is_linked:  # noqa: ASYNC110 - before the first time there is nothing to wait on
            await asyncio.sleep(1.0)
        while True:
            await self._note_heard()
            await asyncio.sleep(_KEEP_SECONDS)

    async def _note_heard(self) -> None:
        heard = self._freshness.heard()
        if heard is not None:
            try:
                await self._store.keep_heard(heard)
            except HomeportError as error:
                log.error("when the control plane was heard is not noted", error=str(error))


def _taken(error: HomeportError) -> HomeportError:
    return HomeportError(
        ErrorCode.UNAVAILABLE,
        f"local gateway: {error.message}",
        hint="is it taken? choose another: clients and tunnels of [local_gateway] in the policy file, or "
        "--local-gateway and --local-gateway-tunnels",
    )
