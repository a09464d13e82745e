"""The control plane's composition root: what it is made of, and the order in which it starts and stops."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from ssl import create_default_context
from typing import Any

import grpc
import structlog
from homeport_proto.v1 import bulk_pb2_grpc, enrollment_pb2_grpc, gateway_pb2_grpc, session_pb2_grpc

from controlplane.api.app import create_app
from controlplane.api.dependencies import ApiDependencies, Urls
from controlplane.api.downloads import create_downloads, install_command, open_wheelhouse
from controlplane.api.listener import serve
from controlplane.api.routing import PREFIX
from controlplane.audit.retention import keep_for
from controlplane.auth.admin_token import ensure_admin_token
from controlplane.auth.ca import CertificateAuthority, KeyPair, open_ca
from controlplane.auth.client_tls import CertificateFiles, ClientTls, InternalCertificate
from controlplane.auth.credentials import enrollment_credentials
from controlplane.auth.join_tokens import JoinTokens
from controlplane.auth.last_uses import LastUses
from controlplane.auth.login_sessions import LoginSessions, SessionLife
from controlplane.auth.oidc.provider import OidcProvider
from controlplane.auth.token_facts import facts_in
from controlplane.config import ServerConfig
from controlplane.fleet.fleet_view import FleetView
from controlplane.fleet.specs import DeploymentSpecs
from controlplane.front import front_names, front_url, url
from controlplane.gateway.central import Gateways, Hearers
from controlplane.gateway.denials import GatewayDenials
from controlplane.gateway.lease_desk import LeaseDesk
from controlplane.history.retention import trim
from controlplane.metrics.loop_lag import LoopLag
from controlplane.metrics.page import Sources
from controlplane.metrics.server_metrics import PipelineFacts, ServerFacts
from controlplane.pipelines.base import Pipeline
from controlplane.pipelines.node_lifecycle import NodeLifecyclePipeline
from controlplane.pipelines.placements import PlacementPipeline
from controlplane.pipelines.preemptions import PreemptionPipeline
from controlplane.pipelines.rebalances import RebalancePipeline
from controlplane.pipelines.wakes import Wakes
from controlplane.ports import reserve
from controlplane.private_file import write_private
from controlplane.secrets.node_secrets import NodeSecrets
from controlplane.secrets.rotation import open_vault
from controlplane.secrets.vault import Vault
from controlplane.sessions.bulk_service import BulkService
from controlplane.sessions.desired_state import DesiredStates
from controlplane.sessions.enrollment_service import EnrollmentService
from controlplane.sessions.gateway_service import GatewayFeedService
from controlplane.sessions.listening_clock import ListeningClock
from controlplane.sessions.logs import LogBroker
from controlplane.sessions.registry import NodeRegistry
from controlplane.sessions.servicers import Servicers
from controlplane.sessions.session_service import SessionService, SessionTerms
from controlplane.sessions.sessions import Sessions
from controlplane.store.sql import SqlStore
from controlplane.store.storage_errors import unusable
from homeport import __version__
from homeport.core.issuing import IssuingBudget
from homeport.gateway.callers.access_tokens import AccessTokens
from homeport.grpc_listener import bind
from homeport.http2.server import GrpcServer
from homeport.http2.terms import SESSION
from homeport.http2.tls import server_tls
from homeport.http2_listener import listen

log = structlog.get_logger()

_DRAIN_SECONDS = 10.0
_GATEWAY = "gateway-0"


class Server:
    """Use as startup, run, shutdown. `_cleanup` holds what was started; it is undone in reverse order."""

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._certificate_life = timedelta(seconds=config.certificate_seconds)
        self._store = SqlStore(config.database_url)
        self._clock = ListeningClock(time.monotonic)
        self._registry = NodeRegistry(self._clock, heartbeat_seconds=config.heartbeat_seconds)
        self._specs = DeploymentSpecs()
        self._fleet_view = FleetView(self._store, self._registry, specs=self._specs)
        self._wakes = Wakes(self._store, time.monotonic)
        self._access_tokens = AccessTokens(facts_in(self._store))
        self._denials = GatewayDenials(self._store)
        self._leases = LeaseDesk(self._store, time.monotonic, time.time)
        self._issuing = IssuingBudget()
        self._cleanup = AsyncExitStack()
        self._client_tls: ClientTls | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._pipelines: tuple[Pipeline, ...] = ()
        self._loop_lag = LoopLag()
        self._metrics = Sources(server=self._facts)
        self._was_ready = self._leave_gateway = False

    async def startup(self) -> dict[str, str]:
        """The addresses, once every port listens. Raises HomeportError.

        The store opens first: its lock keeps a second server off this data before that touches anything. Agents may
        dial before clients may ask, so that a restarted control plane is not asked about a fleet that it can't see.
        """
        try:
            self._config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            ca = await self._open_data(self._config.data_dir)
            vault = await open_vault(self._store, self._config.master_key_path)
        except OSError as error:
            raise unusable(self._config.data_dir, error) from None
        self._desired = DesiredStates(self._store, NodeSecrets(self._store, vault), self._specs)
        self._sessions = Sessions(self._store, self._desired)
        self._logs = LogBroker(self._sessions.ask)
        pair = ca.issue_server(datetime.now(UTC))
        if self._config.serves_tls:
            self._client_tls = self._open_client_tls(ca)
        self._spawn("history-retention", trim(self._store, time.time))
        self._spawn("audit-retention", keep_for(self._store, self._config.audit_days, time.time))
        self._spawn("push-desired-state", self._sessions.follow_store())
        self._spawn("last-uses", LastUses(self._store, self._access_tokens.last_uses).run())
        self._leases.load()
        self._spawn("token-usage", self._leases.run())
        life = LoginSessions(self._store, self._access_tokens.last_uses, time.time)
        self._spawn("login-sessions", life.run())
        self._spawn("loop-lag", self._loop_lag.run())
        self._pipelines = (
            NodeLifecyclePipeline(self._store, self._registry, self._clock, time.time),
            PlacementPipeline(self._store, self._registry, self._fleet_view, self._wakes),
            PreemptionPipeline(self._store, self._fleet_view),
            RebalancePipeline(self._store, self._fleet_view, time.time),
        )
        for pipeline in self._pipelines:
            self._spawn(pipeline.name, pipeline.run())

        self._gateways = self._open_gateways(ca)
        tunnel_port, gateway_port = await self._gateways.start()
        session_port = await self._start_sessions(ca, pair, tunnel_port)
        enroll_port = await self._start_enrollment(ca, enrollment_credentials(pair), session_port)
        addresses = await self._start_api(ca, vault, gateway_port, enroll_port)
        self._was_ready = True
        return addresses

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, or until a part that must not end has ended: then its error is raised."""
        stopping = asyncio.create_task(stop.wait(), name="stop-signal")
        done, _ = await asyncio.wait([stopping, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for task in done:
            if task is not stopping:
                task.result()

    async def shutdown(self, leave_gateway: bool = False) -> None:
        """With `leave_gateway` a gateway that relays goes on, for the next control plane to take over."""
        self._leave_gateway = leave_gateway
        await self._cleanup.aclose()
        log.info("control plane stopped")

    async def _open_data(self, directory: Path) -> CertificateAuthority:
        await self._store.open()
        self._cleanup.push_async_callback(self._store.close)
        if await ensure_admin_token(self._store, self._access_tokens, directory / "admin-token"):
            log.info("admin token made", file=str(directory / "admin-token"))
        return open_ca(directory)

    def _open_client_tls(self, ca: CertificateAuthority) -> ClientTls:
        config = self._config
        if config.tls_cert is not None and config.tls_key is not None:
            tls = ClientTls(CertificateFiles(config.tls_cert, config.tls_key))
        else:
            write_private(config.data_dir / "ca.crt", ca.bundle)
            tls = ClientTls(InternalCertificate(ca, front_names(config)))
        tls.look(datetime.now(UTC))
        self._spawn("client-certificate", tls.follow())
        return tls

    def _open_gateways(self, ca: CertificateAuthority) -> Gateways:
        hearers = Hearers(self._access_tokens, self._denials, self._leases, self._wakes, self._metrics)
        gateways = Gateways(
            self._config, self._store, self._sessions, ca, self._client_tls, hearers, self._spawn, self._cleanup
        )
        # One that was started for a control plane that did not get ready has nothing to go on for.
        gateways.leave_workers = lambda: self._leave_gateway and (self._was_ready or gateways.found)
        return gateways

    async def _start_sessions(self, ca: CertificateAuthority, pair: KeyPair, tunnel_port: int) -> int:
        servicers = Servicers()
        server = GrpcServer(servicers.methods, SESSION)
        tls = server_tls(pair.key, pair.certificate, ca.bundle)
        port = await listen(server, f"{self._config.agent_host}:{self._config.session_port}", "--session-port", tls)
        self._cleanup.push_async_callback(self._stop_sessions, server, servicers)
        terms = SessionTerms(
            version=__version__,
            heartbeat_seconds=self._config.heartbeat_seconds,
            gateway_targets=(f":{tunnel_port}",),
            bulk_target=f":{port}",
            certificate_life=self._certificate_life,
            reserved_names=tuple(front_names(self._config)),
        )
        session = SessionService(
            self._store,
            self._registry,
            self._sessions,
            self._desired,
            self._logs,
            ca,
            terms,
            self._issuing,
            opened=self._gateways.sites.opened,
            leases=self._leases,
            denied=self._denials.note,
        )
        self._spawn("kept-epochs", session.kept_epochs.run())
        self._metrics.tally = session.history.tally
        self._spawn("history", session.history.run())
        servicers.add(session_pb2_grpc.add_SessionServicer_to_server, session)
        servicers.add(bulk_pb2_grpc.add_BulkServicer_to_server, BulkService(self._sessions.doorkeeper, self._logs))
        hosts = self._gateways.hosts
        hosts.tell_targets(session.set_far_gateways)
        feed = GatewayFeedService(hosts, ca, self._issuing, terms.reserved_names)
        servicers.add(gateway_pb2_grpc.add_GatewayFeedServicer_to_server, feed)
        return port

    async def _stop_sessions(self, server: GrpcServer, servicers: Servicers) -> None:
        """Agents are told, so that they dial again at once instead of waiting for a heartbeat to fail."""
        self._sessions.close_all("SERVER_STOPPING", "the control plane is stopping")
        await servicers.finish(grace_seconds=1.0)
        await server.close()

    async def _start_enrollment(
        self, ca: CertificateAuthority, credentials: grpc.ServerCredentials, session_port: int
    ) -> int:
        address = f"{self._config.agent_host}:{self._config.enroll_port}"
        server, port = bind(address, "--enroll-port", credentials)
        service = EnrollmentService(self._store, ca, f":{session_port}", self._certificate_life, issuing=self._issuing)
        enrollment_pb2_grpc.add_EnrollmentServicer_to_server(service, server)
        await server.start()
        self._cleanup.push_async_callback(server.stop, grace=1.0)
        return port

    async def _start_api(
        self, ca: CertificateAuthority, vault: Vault, gateway_port: int, enroll_port: int
    ) -> dict[str, str]:
        listener = reserve(self._config.host, self._config.api_port, "--api-port")
        urls = Urls(
            api=front_url(self._config, listener.getsockname()[1]),
            gateway=front_url(self._config, gateway_port),
            enroll=f"{self._config.advertise or self._config.agent_host}:{enroll_port}",
            public=self._config.public_url,
        )
        command = await self._start_downloads(self._config.wheelhouse, urls) if self._config.wheelhouse else _no_command
        dependencies = ApiDependencies(
            store=self._store,
            registry=self._registry,
            fleet_view=self._fleet_view,
            access_tokens=self._access_tokens,
            join_tokens=JoinTokens(ca.pin),
            logs=self._logs,
            urls=urls,
            monotonic=self._clock,
            version=__version__,
            vault=vault,
            install_command=command,
            gateway_workers=self._gateways.shown,
            gateway_facts=self._gateways.hosts.facts,
            session_life=SessionLife(self._config.session_days * 86_400, self._config.session_idle_hours * 3600),
            token_usage=self._leases.usage,
            oidc=self._oidc_provider(urls.of_browsers),
            metrics=self._metrics,
            metrics_open=self._config.metrics_open,
        )
        tls = self._client_tls.context if self._client_tls else None
        runner = await serve(create_app(dependencies), listener, tls)
        self._cleanup.push_async_callback(runner.cleanup)
        return {"api": urls.api, "gateway": urls.gateway, "enroll": urls.enroll}

    def _oidc_provider(self, public_url: str) -> OidcProvider | None:
        """It is asked when somebody wants to sign in: this server starts whether or not it is there."""
        if self._config.oidc is None:
            return None
        settings = self._config.oidc.settings(f"{public_url}{PREFIX}/auth/oidc/callback")
        trust = create_default_context(cafile=settings.ca_file) if settings.ca_file else True
        return OidcProvider(settings, self._clock, time.time, trust)

    async def _start_downloads(self, folder: Path, urls: Urls) -> Callable[[str], str]:
        """What makes the command with which a host is installed from here, of its join token."""
        wheelhouse = open_wheelhouse(folder)
        listener = reserve(self._config.agent_host, self._config.install_port, "--install-port")
        runner = await serve(create_downloads(wheelhouse), listener)
        self._cleanup.push_async_callback(runner.cleanup)
        base_url = url("http", self._config.advertise or self._config.agent_host, listener.getsockname()[1])
        return partial(install_command, base_url, wheelhouse, urls.enroll)

    def _facts(self) -> ServerFacts:
        """Of this process, for its metrics."""
        return ServerFacts(
            __version__,
            self._store.seq,
            self._store.problem is None,
            self._store.commits,
            self._registry.lateness,
            self._loop_lag.seconds,
            {each.name: PipelineFacts(each.rounds, each.failures) for each in self._pipelines},
        )

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.append(task)
        self._cleanup.push_async_callback(_cancelled, task)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def _no_command(token: str) -> str:
    return ""
