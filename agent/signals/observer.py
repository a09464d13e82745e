"""Looks at one ready replica for the figures that its deployment is scaled by."""

from collections.abc import Callable, Mapping, Sequence

import psutil

from agent.drivers.driver import Driver, DriverUnavailable, Handle, OwnNetwork, Stats
from agent.reconcile.replica import Replica
from agent.signals.page import read_page
from agent.signals.scrape import ScrapeError, scrape
from homeport.core.autoscale.signals import Reading
from homeport.core.resources import Gpu
from homeport.core.targets import Targets


class Observer:
    """`gpus` are the host's, as probed last."""

    def __init__(
        self, drivers: Mapping[str, Driver], gpus: Callable[[], Sequence[Gpu]], monotonic: Callable[[], float]
    ) -> None:
        self._drivers = drivers
        self._gpus = gpus
        self._monotonic = monotonic
        self._cores = psutil.cpu_count() or 1
        self._memory = psutil.virtual_memory().total

    async def look(self, replica: Replica, targets: Targets) -> tuple[Reading, Mapping[str, str]]:
        """What it is seen to do, and why something can't be seen."""
        values: dict[str, float] = {}
        counters: dict[str, float] = {}
        problems: dict[str, str] = {}
        if targets.cpu_percent is not None or targets.memory_percent is not None:
            stats = await self._stats(replica)
            if stats is None:
                problems |= dict.fromkeys(("cpu_percent", "memory_percent"), "the driver can't tell what it uses")
            else:
                needs = replica.record.workload.needs
                cores = needs.cpu_milli / 1000 or self._cores
                counters["cpu_percent"] = 100 * stats.cpu_seconds / cores
                values["memory_percent"] = 100 * stats.memory_bytes / (needs.memory_bytes or self._memory)
        if targets.of_gpus:
            problems |= self._look_at_gpus(replica, values)
        if targets.metrics:
            problems |= await self._read_page(replica, targets, values, counters)
        return Reading(self._monotonic(), values, counters), problems

    async def _stats(self, replica: Replica) -> Stats | None:
        driver = self._drivers.get(replica.record.workload.driver)
        if driver is None or replica.handle is None:
            return None
        try:
            return await driver.stats(replica.handle)
        except DriverUnavailable:
            return None

    def _look_at_gpus(self, replica: Replica, values: dict[str, float]) -> dict[str, str]:
        mine = [gpu for gpu in self._gpus() if gpu.uuid in replica.record.gpu_uuids and not gpu.problem]
        if not mine:
            return dict.fromkeys(("gpu_percent", "gpu_memory_percent"), "its GPUs can't be asked")
        values["gpu_percent"] = sum(gpu.utilization_percent for gpu in mine) / len(mine)
        total = sum(gpu.memory_bytes for gpu in mine)
        if total:
            values["gpu_memory_percent"] = 100 * sum(gpu.memory_used_bytes for gpu in mine) / total
        return {}

    async def _read_page(
        self, replica: Replica, targets: Targets, values: dict[str, float], counters: dict[str, float]
    ) -> dict[str, str]:
        names = [metric.name for metric in targets.metrics]
        handle = replica.handle
        if handle is None:
            return dict.fromkeys(names, "it has no address")
        try:
            host, port = await self._place(replica, handle, targets)
            page = read_page(await scrape(host, port, targets.metrics_path, self._monotonic), targets.metrics)
        except (ScrapeError, DriverUnavailable, ValueError, LookupError) as error:
            return dict.fromkeys(names, f"{targets.metrics_path}: {error}")
        rates = {metric.name for metric in targets.metrics if metric.aggregate == "rate"}
        for name, value in page.items():
            (counters if name in rates else values)[name] = value
        return {name: f"{targets.metrics_path} has no such metric" for name in names if name not in page}

    async def _place(self, replica: Replica, handle: Handle, targets: Targets) -> tuple[str, int]:
        """Where its page is. Raises ScrapeError, DriverUnavailable."""
        if not targets.metrics_port:
            return handle.host, handle.port
        driver = self._drivers.get(replica.record.workload.driver)
        if not isinstance(driver, OwnNetwork):
            return handle.host, targets.metrics_port
        address = await driver.address(handle)
        if not address:
            raise ScrapeError("this host reaches only the port that serves requests")
        return address, targets.metrics_port
