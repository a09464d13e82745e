"""This node as its session sees it: what it tells, and what it does with what it is told."""

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace

import psutil
import structlog

from agent.boot import boot_id
from agent.fingerprint.gather import Fingerprint
from agent.health.gpu_quarantine import GpuQuarantine
from agent.history.shipper import Shipper
from agent.link.bulk import LogPusher
from agent.link.messages import Acknowledgement, Hello, Load, LogsQuestion, SiteUpdate, Welcome
from agent.local_gateway.site import Site
from agent.placement import (
    DesiredState,
    DesiredUpdate,
    Removals,
    confirm_removals,
    forget_removed,
    is_too_much,
    merge,
    unlisted,
)
from agent.reconcile.loop import Reconciler
from agent.relay.gateways import Gateways
from agent.scaling.autoscaler import Autoscaler
from agent.serving import Serving
from agent.state.desired import DesiredStateStore
from agent.state.epoch import EpochStore
from agent.state.site_gateways import SiteGateway
from homeport import __version__
from homeport.core.likeness import Claim
from homeport.target import resolve_target

log = structlog.get_logger()

_LOAD_SECONDS = 10.0


class AgentNode:
    """Implements link.messages.Node."""

    def __init__(
        self,
        session_target: str,
        store: DesiredStateStore,
        reconciler: Reconciler,
        autoscaler: Autoscaler,
        serving: Serving,
        fingerprint: Fingerprint,
        quarantine: GpuQuarantine,
        logs: LogPusher,
        shipper: Shipper,
        epochs: EpochStore,
        epoch_granted: Callable[[], int],
        gateways: Gateways,
        pressure: Callable[[], Mapping[str, int]] = dict,
        site: Site | None = None,
    ) -> None:
        self.desired = DesiredState()
        self.welcome: Welcome | None = None
        self._session_target = session_target
        self._store = store
        self._reconciler = reconciler
        self._autoscaler = autoscaler
        self._serving = serving
        self._fingerprint = fingerprint
        self._quarantine = quarantine
        self._logs = logs
        self._shipper = shipper
        self._epochs = epochs
        self._epoch_granted = epoch_granted
        self._gateways = gateways
        self._pressure = pressure
        self._site = site
        self._process_id = uuid.uuid4().hex
        self._boot_id = boot_id()
        self._cores = psutil.cpu_count() or 1
        # A session that takes over from another speaks while that still does.
        self._changing = asyncio.Lock()
        self._load = Load()
        self._load_due = 0.0

    def resume(self, desired: DesiredState) -> None:
        """Acts on the state that the disk holds, before anybody has been asked."""
        self._act_on(desired)

    # -- what it tells

    @property
    def epoch_kept(self) -> int:
        return self._epochs.kept

    def claim(self) -> Claim:
        epoch_seen = max(self._epoch_granted(), self._epochs.kept)
        return Claim(self._process_id, epoch_seen, self._fingerprint.hardware)

    def hello(self) -> Hello:
        claim = self.claim()
        return Hello(
            epoch_seen=claim.epoch_seen,
            boot_id=self._boot_id,
            process_id=claim.process_id,
            agent_version=__version__,
            inventory=self._fingerprint.inventory,
            replicas=tuple(self._reconciler.reports()),
            applied=self.desired.version,
            hardware=claim.hardware,
            local_gateway=self._site.announced if self._site is not None else None,
        )

    def load(self) -> Load:
        """Measured anew every few heartbeats: looking is what costs."""
        if time.monotonic() >= self._load_due:
            self._load_due = time.monotonic() + _LOAD_SECONDS
            self._load = Load(
                cpu_used_cores=psutil.cpu_percent() / 100 * self._cores,
                memory_used_bytes=psutil.virtual_memory().used,
                agent_cpu_seconds=time.process_time(),
            )
        return replace(self._load, refused=self._reconciler.refused())

    def pressure(self) -> Mapping[str, int]:
        return self._pressure()

    # -- what it is told

    def welcomed(self, welcome: Welcome) -> None:
        log.info("connected", epoch=welcome.epoch, server_version=welcome.server_version)
        self.welcome = welcome
        self.gateways_changed(welcome.gateways)
        self._shipper.welcomed(welcome.features)

    async def keep_epoch(self, epoch: int) -> None:
        await self._epochs.keep(epoch)

    def gateways_changed(self, targets: tuple[str, ...]) -> None:
        self._gateways.set(targets)

    async def site_gateways_changed(self, gateways: tuple[SiteGateway, ...]) -> None:
        if self._site is not None:
            await self._site.set_gateways(gateways)

    async def site_changed(self, update: SiteUpdate) -> None:
        if self._site is not None:
            await self._site.take(update)

    def leases_granted(self, grant_json: str) -> None:
        if self._site is not None and self._site.own is not None:
            self._site.own.leasing.granted(grant_json)

    async def update_desired(self, update: DesiredUpdate) -> Acknowledgement | None:
        async with self._changing:
            return await self._update_desired(update)

    async def confirm_removals(self, removals: Removals) -> Acknowledgement | None:
        async with self._changing:
            return await self._confirm_removals(removals)

    async def stop_models(self) -> None:
        async with self._changing:
            named = self.desired.placements.keys() | self._reconciler.placements_with_replicas()
            everything = Removals(self.desired.version, tuple(sorted(named)), deliberate=True)
            stopped = confirm_removals(self.desired, everything)
            if named and stopped is not None:
                log.warning("all models are stopped, as the lock of this node asks", placements=everything.removed)
                await self._accept(stopped)

    async def _update_desired(self, update: DesiredUpdate) -> Acknowledgement | None:
        with_replicas = self._reconciler.placements_with_replicas()
        merged = merge(self.desired, update)
        if merged is None:
            log.warning("stale desired state dropped", held=self.desired.version, got=update.version, full=update.full)
            return None
        await self._quarantine.clear(update.cleared_gpus)
        await self._accept(forget_removed(merged, with_replicas))
        kept = unlisted(merged, update, with_replicas)
        if kept.known or kept.foreign:
            log.warning(
                "placements not in the snapshot run on until their removal is confirmed",
                placements=kept.known,
                foreign=kept.foreign,
            )
        return Acknowledgement(update.version, kept)

    async def _confirm_removals(self, removals: Removals) -> Acknowledgement | None:
        confirmed = confirm_removals(self.desired, removals)
        if confirmed is None:
            log.warning("stale removals dropped", held=self.desired.version, got=removals.version)
            return None
        if is_too_much(self.desired, removals, self._reconciler.placements_with_replicas()):
            log.error("removal of more than half of what runs here refused", placements=removals.removed)
            return None
        await self._accept(confirmed)
        return Acknowledgement(confirmed.version)

    def history_kept(self, log_id: str, number: int) -> None:
        self._shipper.kept(log_id, number)

    def asked_for_logs(self, question: LogsQuestion) -> str:
        if self.welcome is None:
            return "this node is not connected"
        return self._logs.begin(question, resolve_target(self.welcome.bulk_target, self._session_target))

    def question_cancelled(self, question_id: str) -> None:
        self._logs.cancel(question_id)

    async def _accept(self, desired: DesiredState) -> None:
        """On the disk first, then in the world; the acknowledgement comes after both have been begun."""
        if desired != self.desired:
            await self._store.save(desired)
            self._act_on(desired)

    def _act_on(self, desired: DesiredState) -> None:
        self.desired = desired
        self._serving.set_desired(desired)
        self._autoscaler.set_desired(desired)
