"""A last look before a start. The account says what replicas may take; whether it is really free only the host knows:
others use it, too, and a process that has ended may not have let go of a GPU's memory yet."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from agent.state.journal import ReplicaRecord
from homeport.core.quantity import format_bytes
from homeport.core.refusal import Refusal, RefusalCode
from homeport.core.resources import Gpu

# What is about to be free is waited for: seconds between looks.
_LOOKS = (0.5, 1.0, 2.0, 4.0)
_WHOLE = 1000


class Admission:
    """`memory_available` is bytes of the host. `gpus` asks the driver: of one that does not answer there is no GPU, and
    then nothing is known about them."""

    def __init__(self, memory_available: Callable[[], int], gpus: Callable[[], Awaitable[Mapping[str, Gpu]]]) -> None:
        self._memory_available = memory_available
        self._gpus = gpus

    async def refusal(self, record: ReplicaRecord) -> Refusal | None:
        """Why it can't be started now; None when it can. Simulated replicas take nothing."""
        if record.workload.driver == "simulated":
            return None
        found = await self._look(record)
        for seconds in _LOOKS:
            if found is None:
                break
            await asyncio.sleep(seconds)
            found = await self._look(record)
        return found

    async def _look(self, record: ReplicaRecord) -> Refusal | None:
        gpus = await self._gpus() if record.gpu_uuids else {}
        return shortage(record, self._memory_available(), gpus)


def shortage(record: ReplicaRecord, memory_available: int, gpus: Mapping[str, Gpu]) -> Refusal | None:
    """The first thing that is short, by what the host has now."""
    needs = record.workload.needs
    if needs.memory_bytes > memory_available:
        need, have = f"{format_bytes(needs.memory_bytes)} of memory", f"{format_bytes(memory_available)} available"
        return Refusal(record.deployment_id, RefusalCode.MEMORY_SHORT, need, f"{have} on the host")
    for uuid in record.gpu_uuids if gpus else ():
        gpu = gpus.get(uuid)
        if gpu is None or gpu.problem:
            need, have = uuid, gpu.problem if gpu else "it is not there any more"
            return Refusal(record.deployment_id, RefusalCode.DEVICES_UNUSABLE, need, have)
        needed, free = _needed_on(gpu, record), gpu.memory_bytes - gpu.memory_used_bytes
        if needed > free:
            need = f"{format_bytes(needed)} of the memory of {uuid}"
            have = f"{format_bytes(max(0, free))} free, by the driver"
            return Refusal(record.deployment_id, RefusalCode.DEVICE_MEMORY_SHORT, need, have)
    return None


def _needed_on(gpu: Gpu, record: ReplicaRecord) -> int:
    """What was asked for, or four fifths of the share where nothing was said of memory. The driver keeps some for
    itself, so of no GPU all is ever free."""
    share = gpu.memory_bytes * record.gpu_milli // _WHOLE
    return min(record.workload.needs.accelerator_memory_bytes or share * 4 // 5, gpu.memory_bytes * 9 // 10)
