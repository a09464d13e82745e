"""A whole fleet in one process, on a virtual clock: the real control plane and real agents, with simulated replicas,
links and requests."""

import asyncio
import json
import pickle
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from agent.drivers.driver import Exit
from agent.drivers.simulated import SimulatedDriver
from agent.fingerprint.gather import Fingerprint
from agent.health.gpu_quarantine import GpuQuarantine
from agent.history.log import HistoryLog
from agent.history.scaling import ScalingRecorder
from agent.history.shipper import Shipper
from agent.link.bulk import LogPusher
from agent.link.link import Link
from agent.node import AgentNode
from agent.reconcile.loop import Reconciler
from agent.reconcile.replica import Replica
from agent.relay.deployment import DeploymentRelay, Upstream
from agent.relay.gateways import Gateways
from agent.replica_logs.failures import Failures
from agent.scaling.arbiter import Arbiter, room_of
from agent.scaling.autoscaler import Autoscaler
from agent.scaling.floors import Floors
from agent.scaling.solitude import Solitude
from agent.scaling.start_times import StartTimes
from agent.scaling.supply import supplies
from agent.serving import Serving
from agent.state.database import StateDatabase
from agent.state.desired import DesiredStateStore
from agent.state.epoch import EpochStore
from agent.state.gateway_targets import GatewayTargetStore
from agent.state.gpu_records import GpuRecords
from agent.state.heard import HeardStore
from agent.state.identity import Identity
from agent.state.journal import ReplicaJournal, ReplicaRecord
from controlplane.auth.ca import open_ca
from controlplane.fleet.apply import apply_documents
from controlplane.fleet.deployments import delete_deployment
from controlplane.fleet.fleet_view import FleetView
from controlplane.pipelines.node_lifecycle import NodeLifecyclePipeline
from controlplane.pipelines.placements import PlacementPipeline
from controlplane.pipelines.preemptions import PreemptionPipeline
from controlplane.pipelines.rebalances import RebalancePipeline
from controlplane.pipelines.wakes import Wakes
from controlplane.sessions.desired_state import DesiredStates
from controlplane.sessions.listening_clock import ListeningClock
from controlplane.sessions.logs import LogBroker
from controlplane.sessions.registry import NodeRegistry
from controlplane.sessions.session_service import SessionService, SessionTerms
from controlplane.sessions.sessions import Sessions
from controlplane.store.changelog import ChangeLog
from controlplane.store.memory import MemoryStore
from controlplane.store.objects import Objects
from controlplane.store.state import State
from controlplane.store.store import Kind, Store
from homeport.core.autoscale.demand import Demand
from homeport.core.history.cold_start import ColdStart, StartParts
from homeport.core.refusal import Refusal
from homeport.core.resources import Gpu, Inventory
from homeport.core.status import NodeStatus, ReplicaReport, ReplicaStatus
from homeport.schema.documents import load_documents, parse_documents
from tests.fakes.principals import ANYTHING_GOES
from tests.fakes.reconciling import no_secrets
from tests.fleet.wire import Network

GIB = 1 << 30


class FakeRelay:
    """Takes no requests; a test says what the demand is."""

    def __init__(self) -> None:
        self.on_demand: Callable[[str], None] | None = None
        self.demands: dict[str, Demand] = {}
        self.upstreams: dict[str, tuple[Upstream, ...]] = {}

    def set_deployment(self, deployment: DeploymentRelay) -> None: ...

    def remove_deployment(self, deployment_id: str) -> None:
        self.upstreams.pop(deployment_id, None)

    def set_upstreams(self, deployment_id: str, upstreams: Sequence[Upstream]) -> None:
        self.upstreams[deployment_id] = tuple(upstreams)

    async def drain_upstream(self, deployment_id: str, replica_id: str) -> None: ...

    def demand(self, deployment_id: str) -> Demand:
        return self.demands.get(deployment_id, Demand())

    def unavailable_reason(self, deployment_id: str, text: str) -> None: ...


class CountingDriver(SimulatedDriver):
    """Outlives the agents that use it, as a container runtime does, and counts what they start."""

    def __init__(self) -> None:
        super().__init__()
        self.starts: list[str] = []

    async def start(self, request: Any) -> Any:
        handle = await super().start(request)
        self.starts.append(request.replica_id)
        return handle

    def crash(self, replica_id: str) -> None:
        for _, life in self._of(replica_id):
            life.end(Exit(1, "exit code 1"))


class Host:
    """A machine with an agent that can be killed and started again; disk and driver stay."""

    def __init__(self, node_id: str, network: Network, directory: Path) -> None:
        self.node_id = node_id
        self.driver = CountingDriver()
        self.relay = FakeRelay()
        self._network = network
        self._directory = directory
        self._tasks: list[asyncio.Task[None]] = []
        # How far this host's wall clock is ahead.
        self.clock_error = 0.0
        self.boot = "first boot"
        self.inventory = Inventory(node_id, cpu_milli=8000, memory_bytes=8 * GIB, drivers=("simulated",))
        self._database: StateDatabase | None = None
        self._records: StateDatabase | None = None
        self._reconciler: Reconciler | None = None
        # Of deployments for which this host has too little free, why.
        self.short: dict[str, Refusal] = {}

    async def _admit(self, record: ReplicaRecord) -> Refusal | None:
        return self.short.get(record.deployment_id)

    async def start_agent(self) -> None:
        clock = asyncio.get_running_loop().time
        self._directory.mkdir(exist_ok=True)
        database = self._database = StateDatabase.open_inline(self._directory / "agent.db")
        records = self._records = StateDatabase.open_inline(self._directory / "history.db", copied=False)
        history = HistoryLog(records)
        self.relay = relay = FakeRelay()
        start_times = StartTimes(database)

        def started(replica: Replica, start: ColdStart) -> None:
            history.add(replica.record.deployment_id, replica.record.ordered_at, start)
            if not start.problem:
                start_times.note(replica.record.deployment_id, start.parts.from_order_seconds)

        reconciler = self._reconciler = Reconciler(
            drivers={"simulated": self.driver},
            journal=ReplicaJournal(database),
            failures=Failures(self._directory / "failures"),
            drained=lambda replica: serving.drained(replica),
            open_secrets=no_secrets,
            memory_available=lambda: 8 * GIB,
            monotonic=clock,
            wall=self.wall,
            admit=self._admit,
            jitter=lambda: 0.5,
            waited=lambda deployment_id: StartParts(relay.demand(deployment_id).oldest_wait_seconds),
            started=started,
        )
        serving = Serving(relay, reconciler.replicas)
        solitude = Solitude(
            HeardStore(database), self.boot, clock, heard_ago=lambda: link.heard_ago, desired=lambda: node.desired
        )
        scaling = ScalingRecorder(history.add, self.wall)
        arbiter = Arbiter(
            reconciler.replicas,
            relay.demand,
            start_times.of,
            lambda replica: relay.demand(replica.record.deployment_id).in_flight,
            lambda: room_of(fingerprint.inventory, ()),
            reconciler.want,
            clock,
        )
        floor = Floors(self.wall, lambda: True).of
        autoscaler = Autoscaler(
            relay.demand,
            lambda: supplies(self.replicas()),
            arbiter.apply,
            clock,
            solitude.halts,
            scaling,
            floor,
            start_seconds=start_times.of,
        )
        fingerprint = Fingerprint(self._directory, ("simulated",), self.node_id)
        fingerprint.inventory = self.inventory
        shipper = Shipper(history, lambda page: link.tell_history(page), clock, lambda: 0.5)
        store, epochs = DesiredStateStore(database), EpochStore(database)
        node = AgentNode(
            session_target="plane:8443",
            store=store,
            reconciler=reconciler,
            autoscaler=autoscaler,
            serving=serving,
            fingerprint=fingerprint,
            quarantine=GpuQuarantine(GpuRecords(database), clock, fingerprint.probe_soon),
            logs=LogPusher(self._identity, lambda *_: _no_lines()),
            shipper=shipper,
            epochs=epochs,
            epoch_granted=lambda: link.epoch,
            gateways=Gateways(GatewayTargetStore(database), "plane:8443", lambda targets: None),
            pressure=lambda: arbiter.pressure,
        )
        link = Link(
            self._identity, node, clock, self.wall, lambda: 0.5, dial=lambda _: self._network.dial(self.node_id)
        )
        desired = await store.load()
        await epochs.load()
        await history.load()
        await start_times.load({placement.deployment_id for placement in desired.placements.values()})
        await solitude.load()
        await reconciler.adopt(desired)
        reconciler.listen(serving.replica_changed)
        reconciler.listen(arbiter.replica_changed)
        reconciler.listen(lambda replica: link.replica_changed(replica.report()))
        relay.on_demand = autoscaler.poke
        node.resume(desired)
        parts = reconciler, autoscaler, link, solitude, history, shipper, start_times
        self._tasks = [asyncio.create_task(part.run()) for part in parts]

    async def kill_agent(self) -> None:
        """Replicas run on, nobody says goodbye."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._reconciler is not None:
            await self._reconciler.close(stop_replicas=False)
        for database in (self._database, self._records):
            if database is not None:
                database.close()

    def wall(self) -> float:
        return asyncio.get_running_loop().time() + self.clock_error

    def replicas(self) -> list[ReplicaReport]:
        return self._reconciler.reports() if self._reconciler else []

    def ready(self, deployment_id: str = "chat") -> list[str]:
        return [
            report.replica_id
            for report in self.replicas()
            if report.deployment_id == deployment_id and report.status is ReplicaStatus.READY
        ]

    def _identity(self) -> Identity:
        return Identity(self.node_id, "home", "default", "plane:8443", b"", b"", b"", 86_400, "", 0.0)


async def _no_lines() -> AsyncIterator[bytes]:
    return
    yield


class ControlPlane:
    """Can be killed and started again on the same store."""

    def __init__(self, store: Store, directory: Path) -> None:
        self.store = store
        self._ca = open_ca(directory)
        self._tasks: list[asyncio.Task[None]] = []
        self.clock_error = 0.0
        self.registry: NodeRegistry
        self.service: SessionService | None = None

    def start(self) -> None:
        monotonic = asyncio.get_running_loop().time
        clock = ListeningClock(monotonic)
        self.registry = NodeRegistry(clock, wall=self.wall)
        desired = DesiredStates(self.store)
        self.sessions = sessions = Sessions(self.store, desired)
        terms = SessionTerms("0.1.0", 2.0, (), ":8443", timedelta(hours=24))
        logs = LogBroker(sessions.ask)
        self.service = SessionService(self.store, self.registry, sessions, desired, logs, self._ca, terms)
        view, self.wakes = FleetView(self.store, self.registry, self.wall), Wakes(self.store, clock)
        placements = PlacementPipeline(self.store, self.registry, view, self.wakes)
        lifecycle = NodeLifecyclePipeline(self.store, self.registry, clock, self.wall)
        rebalance, preemption = RebalancePipeline(self.store, view, self.wall), PreemptionPipeline(self.store, view)
        kept_epochs, history = self.service.kept_epochs.run(), self.service.history.run()
        loops = (
            sessions.follow_store(),
            placements.run(),
            lifecycle.run(),
            rebalance.run(),
            preemption.run(),
            kept_epochs,
            history,
        )
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    def wall(self) -> float:
        return asyncio.get_running_loop().time() + self.clock_error

    async def kill(self) -> None:
        self.service = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Fleet:
    """`async with Fleet(tmp_path, nodes=3) as fleet`, inside run_in_virtual_time."""

    def __init__(self, directory: Path, nodes: int = 1, clusters: int = 1, gpus: int = 0) -> None:
        self._directory = directory
        self._nodes = nodes
        self._clusters = clusters
        self._gpus = gpus
        self.hosts: list[Host] = []
        self.plane: ControlPlane
        self.network: Network

    async def __aenter__(self) -> "Fleet":
        clock = asyncio.get_running_loop().time
        store = MemoryStore(clock)
        await store.open()
        self.plane = ControlPlane(store, self._directory)
        self.network = Network(lambda: self.plane.service)
        await self.apply(SITE)
        for number in range(1, self._clusters):
            await self.apply(AWAY.format(number=number))
        for number in range(self._nodes):
            cluster = number % self._clusters
            await self._add_host(f"n{number}", f"away{cluster}" if cluster else "home")
        self.plane.start()
        for host in self.hosts:
            await host.start_agent()
        await self.until(self._all_connected, within=5, what="all nodes ready")
        return self

    async def __aexit__(self, *_: object) -> None:
        for host in self.hosts:
            await host.kill_agent()
        await self.plane.kill()
        await self.network.server_gone()
        await self.plane.store.close()

    async def apply(self, text: str) -> None:
        await apply_documents(self.plane.store, parse_documents(load_documents(text)), ANYTHING_GOES)

    async def delete(self, deployment_id: str) -> None:
        await self.plane.store.write(lambda tx: delete_deployment(tx, deployment_id))

    async def restore(self, backup: bytes) -> None:
        """The control plane is started again on an older copy of its store."""
        await self.plane.kill()
        await self.network.server_gone()
        await self.plane.store.close()
        self.plane.store = await _from_backup(backup, asyncio.get_running_loop().time)
        self.plane.start()

    def backup(self) -> bytes:
        store = self.plane.store
        records = [record for kind in Kind for record in store.all(kind)]
        return pickle.dumps((store.store_id, store.seq, records))

    async def restart_plane(self, down_seconds: float) -> None:
        await self.plane.kill()
        await self.network.server_gone()
        await asyncio.sleep(down_seconds)
        self.plane.start()

    async def until(self, condition: Callable[[], bool], within: float, what: str) -> float:
        """Virtual seconds until the condition holds."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while not condition():
            assert clock() - began <= within, f"not within {within} s: {what}"
            await asyncio.sleep(0.1)
        return clock() - began

    async def holds(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        while clock() - began < seconds:
            assert condition(), f"{what}: not so any more after {clock() - began:.1f} s"
            await asyncio.sleep(0.1)

    def total_ready(self, deployment_id: str = "chat") -> int:
        return sum(len(host.ready(deployment_id)) for host in self.hosts)

    def seen_ready(self, deployment_id: str = "chat") -> int:
        """As the control plane sees it."""
        reports = self.plane.registry.replicas(deployment_id)
        return sum(report.status is ReplicaStatus.READY for _, report in reports)

    def _all_connected(self) -> bool:
        return all(self.plane.registry.status(host.node_id) is NodeStatus.READY for host in self.hosts)

    async def _add_host(self, node_id: str, cluster: str) -> None:
        spec = {"name": node_id, "cluster": cluster, "nodepool": "default", "hostname": node_id, "machine_id": node_id}
        await self.plane.store.write(lambda tx: tx.create(Kind.NODE, node_id, spec, {"epoch": 0}))
        host = Host(node_id, self.network, self._directory / node_id)
        gpus = tuple(Gpu(f"{node_id}-gpu{number}", "NVIDIA L4", 24 * GIB) for number in range(self._gpus))
        host.inventory = replace(host.inventory, gpus=gpus)
        self.hosts.append(host)


async def _from_backup(backup: bytes, clock: Callable[[], float]) -> MemoryStore:
    store_id, seq, records = pickle.loads(backup)
    store = MemoryStore(clock)
    store._state = State(store_id, Objects(records), ChangeLog(seq))
    await store.open()
    return store


SITE = """
compute_cluster: {id: home}
---
nodepool: {id: default, compute_cluster: {id: home}}
---
model: {id: m}
---
model: {id: m2}
---
model_version: {id: v1, model: {id: m2}, driver: simulated, readiness: {interval_seconds: 60}}
---
model_version: {id: v1, model: {id: m}, driver: simulated, concurrency: 4, env: {SIMULATED_READY_AFTER: "2"}}
"""


AWAY = """
compute_cluster: {{id: away{number}}}
---
nodepool: {{id: default, compute_cluster: {{id: away{number}}}}}
"""


def deployment(min_replicas: int = 1, max_replicas: int = 1, **more: Any) -> str:
    spec = {
        "id": "chat",
        "worker": {"model": {"id": "m"}},
        "nodepools": [{"id": "default", "compute_cluster": {"id": "home"}}],
        "autoscale_config": {"min_replicas": min_replicas, "max_replicas": max_replicas},
        **more,
    }
    return json.dumps({"deployment": spec})
