"""GPUs that failed get no replicas until a person has cleared them. Such a one costs its node that GPU, not more."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import structlog

from agent.state.gpu_records import GpuRecord, GpuRecords
from homeport.core.errors import HomeportError
from homeport.core.gpu_health import Signs, fault_of, fault_of_xid
from homeport.core.resources import Gpu

log = structlog.get_logger()


class GpuQuarantine:
    """`wall` gives unix seconds. `changed` is called when one more is in quarantine, or one fewer."""

    def __init__(self, records: GpuRecords, wall: Callable[[], float], changed: Callable[[], None]) -> None:
        self._records = records
        self._wall = wall
        self._changed = changed
        self._by_uuid: dict[str, GpuRecord] = {}
        self._last: dict[str, tuple[Gpu, Signs]] = {}

    async def load(self) -> None:
        self._by_uuid = {record.uuid: record for record in await self._records.load()}

    def uuids(self) -> frozenset[str]:
        return frozenset(uuid for uuid, record in self._by_uuid.items() if record.fault)

    async def look(self, gpus: Iterable[Gpu], signs: Mapping[str, Signs]) -> tuple[Gpu, ...]:
        """The GPUs of a probe as they are to be told: with their quarantine, and with those in it that are gone."""
        self._last = {gpu.uuid: (gpu, replace(signs.get(gpu.uuid, Signs()), problem=gpu.problem)) for gpu in gpus}
        for gpu, seen in self._last.values():
            record = self._by_uuid.get(gpu.uuid)
            fault = fault_of(seen, record.ecc_forgiven if record else 0)
            if fault:
                await self._confine(gpu, fault)
        gone = [
            Gpu(record.uuid, record.name, record.memory_bytes, problem="is not there any more")
            for uuid, record in self._by_uuid.items()
            if record.fault and uuid not in self._last
        ]
        return tuple(self._marked(gpu) for gpu in (*(gpu for gpu, _ in self._last.values()), *gone))

    async def xid(self, uuid: str, xid: int) -> None:
        """The driver has reported an error of this GPU, which hits all of its slices."""
        fault = fault_of_xid(xid)
        log.warning("the driver reports an error of a GPU", gpu=uuid, xid=xid, fault=fault or "of a program")
        if fault:
            hit = [gpu for gpu, _ in self._last.values() if uuid in (gpu.uuid, gpu.parent_uuid)]
            for gpu in hit or [Gpu(uuid, "unknown GPU", 0)]:
                await self._confine(gpu, fault)

    async def clear(self, wanted: Mapping[str, float]) -> None:
        """Of each GPU the quarantine that began then is over; a later one is not."""
        for uuid, since in wanted.items():
            record = self._by_uuid.get(uuid)
            if record is not None and record.fault and record.since == since:
                _, seen = self._last.get(uuid, (None, Signs()))
                await self._keep(replace(record, fault="", since=0.0, ecc_forgiven=seen.ecc_uncorrected))
                log.info("GPU cleared", gpu=uuid)
                self._changed()

    async def _confine(self, gpu: Gpu, fault: str) -> None:
        """The first fault is the one that counts."""
        record = self._by_uuid.get(gpu.uuid)
        if record is not None and record.fault:
            return
        forgiven = record.ecc_forgiven if record else 0
        # A tenth of a second is enough, and is the same number wherever it is told.
        since = round(self._wall(), 1)
        log.error("GPU in quarantine", gpu=gpu.uuid, fault=fault)
        await self._keep(GpuRecord(gpu.uuid, gpu.name, gpu.memory_bytes, fault, since, forgiven))
        self._changed()

    async def _keep(self, record: GpuRecord) -> None:
        """A full disk lets no bad GPU back in before the agent's end."""
        self._by_uuid[record.uuid] = record
        try:
            await self._records.put(record)
        except HomeportError as error:
            log.error("a GPU's quarantine is not noted", gpu=record.uuid, error=str(error))

    def _marked(self, gpu: Gpu) -> Gpu:
        record = self._by_uuid.get(gpu.uuid)
        if record is None or not record.fault:
            return gpu
        return replace(gpu, quarantine=record.fault, quarantined_at=record.since)
