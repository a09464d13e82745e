"""What decides how many replicas run here, put together: traffic and figures in, counts for the reconciler out."""

import asyncio
import time
from collections.abc import Callable

from agent.boot import boot_id, uptime_seconds
from agent.fingerprint.gather import Fingerprint
from agent.fingerprint.memory import available_memory, probe_memory
from agent.health.gpu_quarantine import GpuQuarantine
from agent.history.log import HistoryLog
from agent.history.scaling import ScalingRecorder
from agent.placement import DesiredState
from agent.reconcile.loop import Reconciler
from agent.reconcile.replica import Replica
from agent.relay.relay import Relay
from agent.scaling.arbiter import Arbiter, room_of
from agent.scaling.autoscaler import Autoscaler
from agent.scaling.fence import is_beyond
from agent.scaling.floors import Floors
from agent.scaling.solitude import Solitude
from agent.scaling.start_times import StartTimes
from agent.scaling.supply import supplies
from agent.signals.observer import Observer
from agent.signals.sampler import Sampler
from agent.state.database import StateDatabase
from agent.state.heard import HeardStore

# Part of the host's memory that replicas which nobody needs leave free.
_SPARE_MEMORY = 0.1


class Scaling:
    """`start_times` are learned before it, since those that wait are told of them. `desired` is the state that this
    node acts on, `heard_ago` seconds is when it heard the control plane; None = not yet."""

    def __init__(
        self,
        database: StateDatabase,
        history: HistoryLog,
        start_times: StartTimes,
        relay: Relay,
        reconciler: Reconciler,
        fingerprint: Fingerprint,
        quarantine: GpuQuarantine,
        observer: Observer,
        desired: Callable[[], DesiredState],
        heard_ago: Callable[[], float | None],
    ) -> None:
        self._reconciler = reconciler
        self._solitude = Solitude(HeardStore(database), boot_id(), uptime_seconds, heard_ago, desired)
        self._recorder = ScalingRecorder(history.add, time.time)
        self._sampler = Sampler(
            observer,
            desired=desired,
            replicas=reconciler.replicas,
            demand=relay.demand,
            ask_gpus=fingerprint.probe_soon,
            monotonic=time.monotonic,
        )

        def in_flight(replica: Replica) -> int:
            return relay.in_flight_on(replica.record.deployment_id, replica.replica_id)

        self.arbiter = Arbiter(
            reconciler.replicas,
            relay.demand,
            start_times.of,
            in_flight,
            lambda: room_of(fingerprint.inventory, quarantine.uuids()),
            reconciler.want,
            time.monotonic,
        )
        self.autoscaler = Autoscaler(
            relay.demand,
            lambda: supplies(reconciler.reports()),
            self.arbiter.apply,
            time.monotonic,
            lambda placement: self._solitude.halts(placement) or is_beyond(placement),
            history=self._recorder,
            floor=Floors(time.time, self._has_room).of,
            signals=self._sampler.signals,
            start_seconds=start_times.of,
        )

    async def load(self) -> None:
        """As the disk has it."""
        await self._solitude.load()

    def tasks(self) -> list[asyncio.Task[None]]:
        return [
            asyncio.create_task(self.autoscaler.run(), name="autoscale"),
            asyncio.create_task(self._sampler.run(), name="signals"),
            asyncio.create_task(self._solitude.run(), name="solitude"),
        ]

    def close(self) -> None:
        self.arbiter.close()

    def end_history(self) -> None:
        """What has begun is told as far as it got."""
        self._recorder.close()

    def _has_room(self) -> bool:
        """To spare: nothing is refused for want of it, and some memory is left."""
        return not self._reconciler.refused() and available_memory() >= _SPARE_MEMORY * probe_memory()
