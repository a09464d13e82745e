"""All probes together, again and again, told on when something has changed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import structlog

from agent.drivers.driver import DriverError, DriverUnavailable
from agent.drivers.runtime import Runtime
from agent.fingerprint.cpu import Cpu, probe_cpu
from agent.fingerprint.disk import Disk, probe_disk
from agent.fingerprint.gpu_nvidia import NvidiaFacts, library_is_present, probe_gpus
from agent.fingerprint.hardware import probe_hardware
from agent.fingerprint.host import probe_host
from agent.fingerprint.memory import probe_memory
from agent.fingerprint.network import probe_network
from agent.policy import HostPolicy
from homeport.core.gpu_health import Signs
from homeport.core.hardware import Hardware
from homeport.core.resources import Gpu, Inventory

log = structlog.get_logger()
T = TypeVar("T")

INTERVAL_SECONDS = 30.0
_GIB = 1 << 30
Confine = Callable[[tuple[Gpu, ...], Mapping[str, Signs]], Awaitable[tuple[Gpu, ...]]]


class Fingerprint:
    """`path` lies on the disk to measure; `name` replaces the hostname; `drivers` are those this agent may use.

    `has_runtime` says whether a driver finds on this host what it drives: the node offers no other. `confine` tells the
    GPUs of a probe as they are to be told: with their quarantine. `runtime` is what the container driver drives, where
    there is one; it raises DriverUnavailable. `policy` is the host's.
    """

    def __init__(
        self,
        path: Path,
        drivers: tuple[str, ...],
        name: str = "",
        has_runtime: Callable[[str], bool] = lambda driver: True,
        confine: Confine | None = None,
        runtime: Callable[[], Awaitable[Runtime]] | None = None,
        policy: HostPolicy | None = None,
    ) -> None:
        self._path = path
        self._has_runtime = has_runtime
        self._confine = confine
        self._ask_runtime = runtime
        self._runtime = Runtime()
        self._policy = policy or HostPolicy()
        self._gpus: tuple[Gpu, ...] = ()
        self._again = asyncio.Event()
        self._drivers = drivers
        self._name = name
        self.inventory = Inventory(hostname=name, drivers=drivers)
        self.hardware = Hardware()

    async def probe(self) -> bool:
        """Renews `inventory`. True when it differs by more than noise. Never raises: problems are part of it."""
        problems: list[str] = []
        host = _attempt(probe_host, "host", problems)
        cpu = _attempt(probe_cpu, "cpu", problems) or Cpu("", 0)
        disk = _attempt(lambda: probe_disk(self._path), "disk", problems) or Disk(0, 0)
        nvidia = await probe_gpus(self._gpus) if library_is_present() else NvidiaFacts()
        self._gpus = nvidia.gpus
        gpus = await self._confine(nvidia.gpus, nvidia.signs) if self._confine else nvidia.gpus
        await self._look_at_runtime(problems)
        if nvidia.problem:
            problems.append(nvidia.problem)
        self.hardware = probe_hardware()
        before = self.inventory
        self.inventory = Inventory(
            hostname=self._name or (host.hostname if host else ""),
            architecture=host.architecture if host else "",
            operating_system=host.operating_system if host else "",
            cpu_model=cpu.model,
            cpu_milli=cpu.milli,
            memory_bytes=_attempt(probe_memory, "memory", problems) or 0,
            disk_bytes=disk.total,
            disk_free_bytes=disk.free,
            gpus=self._policy.offered(gpus),
            nvidia_driver_version=nvidia.driver_version,
            drivers=tuple(driver for driver in self._drivers if self._has_runtime(driver)),
            problems=tuple(problems),
            cuda_version=nvidia.cuda_version,
            network_mbps=self._policy.network_mbps or _attempt(probe_network, "network", problems) or 0,
            labels=self._policy.labels,
            images=self._runtime.images,
            engine=self._runtime.name,
            engine_gpu_obstacle=self._runtime.gpu_obstacle,
        )
        return without_noise(before) != without_noise(self.inventory)

    async def _look_at_runtime(self, problems: list[str]) -> None:
        """One that does not answer for a while is what it was before."""
        if self._ask_runtime is None or not self._has_runtime("docker"):
            return
        try:
            self._runtime = await self._ask_runtime()
        except (DriverUnavailable, DriverError) as error:
            problems.append(f"container engine: {error}")

    def probe_soon(self) -> None:
        """Something has changed: look before the next turn."""
        self._again.set()

    async def run(self, changed: Callable[[Inventory], None]) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._again.wait(), INTERVAL_SECONDS)
            self._again.clear()
            if await self.probe():
                log.info("inventory changed", gpus=len(self.inventory.gpus), problems=self.inventory.problems)
                changed(self.inventory)


def without_noise(inventory: Inventory) -> Inventory:
    """Free disk by the GiB, GPU memory by the quarter GiB, GPU load by tenths: smaller changes are no news."""
    gpus = tuple(
        replace(
            gpu,
            memory_used_bytes=gpu.memory_used_bytes // (_GIB // 4),
            utilization_percent=gpu.utilization_percent // 10,
        )
        for gpu in inventory.gpus
    )
    return replace(inventory, disk_free_bytes=inventory.disk_free_bytes // _GIB, gpus=gpus)


def _attempt(probe: Callable[[], T], name: str, problems: list[str]) -> T | None:
    try:
        return probe()
    except (OSError, ValueError) as error:
        problems.append(f"{name}: {error}")
        return None
