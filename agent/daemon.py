"""The composition root: what a running agent is made of, and in which order it comes and goes.

Startup, each step needing only those before it:
 1. lock the state directory: one agent per identity;
 2. open the state: who this node is, what it should run, what it has started;
 3. re-adopt what runs, so that nothing is started twice;
 4. serve locally: act on the desired state of the disk. Models never wait for the link;
 5. answer on the local socket, and tell systemd that this agent is ready;
 6. look at the host, then dial home.
Shutdown goes the other way: leave the control plane's sight, let requests finish, let the replicas run on.
"""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import AsyncIterator

import structlog

from agent.config import RunConfig
from agent.drivers.allowed import allowed_drivers
from agent.drivers.docker.socket import socket_path
from agent.ending import Ending
from agent.fingerprint.gather import Fingerprint
from agent.fingerprint.gpu_events import follow_xids
from agent.fingerprint.gpu_nvidia import live_gpus
from agent.fingerprint.memory import available_memory
from agent.health.gpu_quarantine import GpuQuarantine
from agent.health.health_checks import HealthChecks
from agent.history.faults import FaultRecorder
from agent.history.log import HistoryLog
from agent.history.shipper import Shipper
from agent.history.traffic import TrafficRecorder
from agent.link.bulk import LogPusher
from agent.link.channel import node_tls
from agent.link.link import Link
from agent.link.renew import Renewer
from agent.local_api.facts import AgentFacts
from agent.local_api.local_api import LocalApi
from agent.local_api.metrics_page import MetricsPage, MetricsPort
from agent.local_api.status import status
from agent.local_gateway.own import own_gateway
from agent.local_gateway.site import Site
from agent.local_gateway.usage import UsageCounter
from agent.node import AgentNode
from agent.reconcile.admission import Admission
from agent.reconcile.loop import Reconciler
from agent.reconcile.replica import Replica
from agent.relay.gateways import Gateways
from agent.relay.relay import Relay
from agent.relay.tunnels import Tunnels
from agent.replica_logs.failures import Failures
from agent.replica_logs.reader import LogReader
from agent.scaling.outlook import outlook_of
from agent.scaling.scaling import Scaling
from agent.scaling.start_times import StartTimes
from agent.secrets.opener import Opener
from agent.serving import Serving
from agent.signals.observer import Observer
from agent.state.database import StateDatabase
from agent.state.desired import DesiredStateStore
from agent.state.directory import StateDirectory
from agent.state.epoch import EpochStore
from agent.state.gateway_targets import GatewayTargetStore
from agent.state.gpu_records import GpuRecords
from agent.state.identity import Identity, IdentityStore
from agent.state.journal import ReplicaJournal
from agent.state.site_gateways import SiteGatewayStore
from homeport.core.balance.ejection import Failure
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.history.cold_start import ColdStart
from homeport.core.history.replica_fault import ReplicaFault
from homeport.core.waiting import Outlook
from homeport.systemd import ServiceManager

log = structlog.get_logger()


async def run(config: RunConfig) -> None:
    """Until SIGTERM or SIGINT. Raises HomeportError when it can't start."""
    async with _daemon(config) as daemon:
        await daemon.run()


async def stop_replicas(config: RunConfig) -> int:
    """Stops and forgets what runs here, while no agent does; how many there were. Raises HomeportError."""
    async with _daemon(config) as daemon:
        return await daemon.stop_replicas()


@contextlib.asynccontextmanager
async def _daemon(config: RunConfig) -> AsyncIterator["Daemon"]:
    with StateDirectory(config.state_dir) as directory:
        identities = IdentityStore(directory.identity)
        identity = identities.load()
        if identity is None:
            raise HomeportError(
                ErrorCode.NOT_FOUND,
                f"this host has not joined: {directory.root} holds no identity",
                hint="homeport-agent join --server HOST:8442 --token TOKEN",
            )
        with contextlib.ExitStack() as opened:
            database = StateDatabase.open(directory.database)
            opened.callback(database.close)
            history = StateDatabase.open(directory.history, copied=False)
            opened.callback(history.close)
            yield Daemon(config, directory, identities, identity, database, HistoryLog(history))


class Daemon:
    def __init__(
        self,
        config: RunConfig,
        directory: StateDirectory,
        identities: IdentityStore,
        identity: Identity,
        database: StateDatabase,
        history: HistoryLog,
    ) -> None:
        self._config = config
        self._started_at = time.monotonic()
        self._manager = ServiceManager()
        self._drivers = allowed_drivers(config.policy, directory, identity.node_id)
        self._database = database
        self._history = history
        self._desired_store = DesiredStateStore(database)
        self._epochs = EpochStore(database)
        self._start_times = StartTimes(database)
        self._renewer = Renewer(identity, identities, random.random, self._renewed, lambda: self._node.claim())
        self._relay = Relay(time.monotonic, self._outlook)
        self._failures = Failures(directory.failures)
        self._reconciler = Reconciler(
            drivers=self._drivers,
            journal=ReplicaJournal(database),
            failures=self._failures,
            drained=lambda replica: self._serving.drained(replica),
            open_secrets=Opener(identity.node_id, identities.keys, config.policy).open,
            memory_available=available_memory,
            monotonic=time.monotonic,
            wall=time.time,
            jitter=random.random,
            admit=Admission(available_memory, live_gpus).refusal,
            unusable_gpus=lambda: self._quarantine.uuids(),
            in_flight=lambda replica: self._relay.in_flight_on(replica.record.deployment_id, replica.replica_id),
            waited=self._relay.waited,
            started=self._note_start,
        )
        self._serving = Serving(self._relay, self._reconciler.replicas)
        self._traffic = TrafficRecorder(self._relay.demands, history.add, time.monotonic, time.time)
        self._quarantine = GpuQuarantine(GpuRecords(database), time.time, lambda: self._fingerprint.probe_soon())
        self._fingerprint = Fingerprint(
            directory.root,
            tuple(self._drivers),
            config.name,
            has_runtime=lambda driver: driver != "docker" or socket_path(config.policy) is not None,
            confine=self._quarantine.look,
            runtime=self._drivers["docker"].runtime if "docker" in self._drivers else None,
            policy=config.policy,
        )
        self._scaling = Scaling(
            database,
            history,
            self._start_times,
            self._relay,
            self._reconciler,
            self._fingerprint,
            self._quarantine,
            Observer(self._drivers, lambda: self._fingerprint.inventory.gpus, time.monotonic),
            desired=lambda: self._node.desired,
            heard_ago=lambda: self._link.heard_ago,
        )
        self._faults = FaultRecorder(history.add, time.time)
        self._health_checks = HealthChecks(
            lambda: self._node.desired, self._reconciler.replicas, time.monotonic, note=self._faults.note
        )
        reader = LogReader(self._reconciler, self._failures, self._drivers)
        self._logs = LogPusher(lambda: self._renewer.identity, reader.lines)
        self._usage = UsageCounter(history.add, time.monotonic, time.time, lambda: self._link.state.connected)
        self._site = Site(
            SiteGatewayStore(database),
            lambda gateways: self._tunnels.set_site_gateways(gateways),
            own_gateway(
                config.local_gateway,
                directory,
                lambda: self._renewer.identity,
                lambda: self._link,
                lambda: self._node.welcome,
            ),
        )
        self._gateways = Gateways(
            GatewayTargetStore(database), identity.session_target, lambda targets: self._tunnels.set_targets(targets)
        )
        self._shipper = Shipper(history, lambda page: self._link.tell_history(page), time.monotonic, random.random)
        self._node = AgentNode(
            session_target=identity.session_target,
            store=self._desired_store,
            reconciler=self._reconciler,
            autoscaler=self._scaling.autoscaler,
            serving=self._serving,
            fingerprint=self._fingerprint,
            quarantine=self._quarantine,
            logs=self._logs,
            shipper=self._shipper,
            epochs=self._epochs,
            epoch_granted=lambda: self._link.epoch,
            gateways=self._gateways,
            pressure=lambda: self._scaling.arbiter.pressure,
            site=self._site,
        )
        self._link = Link(
            lambda: self._renewer.identity,
            self._node,
            time.monotonic,
            time.time,
            random.random,
            expired=self._renewer.expired,
        )
        page = MetricsPage(self._facts, self._site.own)
        self._metrics = MetricsPort(config.metrics, page)
        answers = {
            "status": lambda: status(self._facts()),
            "metrics": lambda: {"text": page.text().decode()},
        }
        self._local_api = LocalApi(directory.socket, answers)

    async def run(self) -> None:
        ending = Ending()
        tasks = [asyncio.create_task(self._manager.keep_alive(), name="watchdog")]
        try:
            await self._startup(tasks)
            await ending.come(tasks)
        finally:
            await self._shutdown(tasks, ending)

    async def _startup(self, tasks: list[asyncio.Task[None]]) -> None:
        identity = self._renewer.identity
        if self._site.own is not None:
            await self._site.own.start()
        await self._metrics.start()
        desired = await self._desired_store.load()
        await self._epochs.load()
        await self._history.load()
        await self._start_times.load({placement.deployment_id for placement in desired.placements.values()})
        await self._reconciler.adopt(desired)
        await self._quarantine.load()
        await self._scaling.load()
        self._tunnels = Tunnels(
            self._relay,
            lambda: node_tls(self._renewer.identity),
            lambda: max(self._link.epoch, self._epochs.kept),
            lambda: node_tls(self._renewer.identity, at_any_time=True),
            self._usage.note,
        )
        self._reconciler.listen(self._serving.replica_changed)
        self._reconciler.listen(self._scaling.arbiter.replica_changed)
        self._reconciler.listen(lambda replica: self._link.replica_changed(replica.report()))
        self._relay.on_demand = self._scaling.autoscaler.poke
        self._relay.on_ejected = self._note_ejected
        self._node.resume(desired)
        await self._gateways.load()
        await self._site.load()
        if self._site.own is not None:
            self._tunnels.attach_here(self._site.own.own_end)
            tasks.append(asyncio.create_task(self._site.own.run(), name="local-gateway"))
        tasks += [
            asyncio.create_task(self._reconciler.run(), name="reconcile"),
            *self._scaling.tasks(),
            asyncio.create_task(self._health_checks.run(), name="health-checks"),
            asyncio.create_task(self._start_times.run(), name="start-times"),
            asyncio.create_task(self._database.keep_copy(), name="state-copy"),
            asyncio.create_task(self._history.run(), name="history"),
            asyncio.create_task(self._traffic.run(), name="traffic"),
            asyncio.create_task(self._faults.run(), name="faults"),
            asyncio.create_task(self._usage.run(), name="usage"),
            asyncio.create_task(self._gateways.run(), name="gateways"),
        ]
        await self._local_api.start()
        self._manager.ready()
        log.info("agent serves", node_id=identity.node_id, placements=len(desired.placements), pid=os.getpid())
        await self._fingerprint.probe()
        tasks += [
            asyncio.create_task(self._fingerprint.run(self._link.inventory_changed), name="fingerprint"),
            asyncio.create_task(follow_xids(self._quarantine.xid), name="gpu-events"),
            asyncio.create_task(self._link.run(), name="link"),
            asyncio.create_task(self._shipper.run(), name="history-shipper"),
            asyncio.create_task(self._renewer.run(), name="renew"),
        ]

    async def _shutdown(self, tasks: list[asyncio.Task[None]], ending: Ending) -> None:
        """A second signal skips what remains of the drain."""
        self._manager.stopping()
        log.info("agent stops", replicas_run_on=not self._config.stop_replicas_on_exit)
        if self._site.own is not None:
            await ending.unless_hurried(self._site.own.drain(self._config.drain_seconds))
        if hasattr(self, "_tunnels"):
            await ending.unless_hurried(self._tunnels.close(self._config.drain_seconds))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._scaling.close()
        await self._close_history()
        await self._logs.close()
        if self._site.own is not None:
            await self._site.own.close()
        await self._reconciler.close(self._config.stop_replicas_on_exit)
        for driver in self._drivers.values():
            await driver.close()
        await self._metrics.close()
        await self._local_api.close()

    async def stop_replicas(self) -> int:
        await self._reconciler.adopt(await self._desired_store.load())
        count = len(self._reconciler.replicas())
        await self._reconciler.close(stop_replicas=True)
        for driver in self._drivers.values():
            await driver.close()
        return count

    async def _close_history(self) -> None:
        """What has begun is told as far as it got."""
        self._scaling.end_history()
        self._usage.tell()
        self._faults.close()
        with contextlib.suppress(HomeportError):  # a full disk: the next agent goes on without
            await self._history.write()

    def _note_start(self, replica: Replica, start: ColdStart) -> None:
        self._history.add(replica.record.deployment_id, replica.record.ordered_at, start)
        if not start.problem:
            self._start_times.note(replica.record.deployment_id, start.parts.from_order_seconds)

    def _note_ejected(self, deployment_id: str, replica_id: str, failure: Failure) -> None:
        replica = self._reconciler.get(replica_id)
        revision = replica.record.revision if replica is not None else 0
        self._faults.note(deployment_id, ReplicaFault(replica_id, revision, failure.value, ejections=1))

    def _renewed(self) -> None:
        self._link.redial()
        self._tunnels.renew()

    def _outlook(self, deployment_id: str) -> Outlook:
        learned = self._start_times.of(deployment_id)
        return outlook_of(deployment_id, self._reconciler.replicas(), learned, time.monotonic())

    def _facts(self) -> AgentFacts:
        return AgentFacts(
            identity=self._renewer.identity,
            link=self._link.state,
            epoch=self._link.epoch,
            heard_ago=self._link.heard_ago,
            gateways=self._gateways.targets,
            tunnels=self._relay.link_count,
            desired=self._node.desired,
            replicas=self._reconciler.reports(),
            inventory=self._fingerprint.inventory,
            uptime_seconds=time.monotonic() - self._started_at,
            notes=self._database.notes,
            untold=self._history.untold,
            unwritten=self._history.unwritten,
            demands=dict(self._relay.demands()),
            refused=self._reconciler.refused(),
            ejections=self._faults.ejections,
            failed_checks=self._faults.failed_checks,
            local_gateway=self._site.own.status() if self._site.own is not None else None,
            site_gateways=self._site.gateways,
        )
