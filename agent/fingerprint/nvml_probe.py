"""Run as a child (`python -m agent.fingerprint.nvml_probe [INDEX,...]`): prints what NVML says, one JSON line each.

The first line is about the driver, then follows one line per GPU, in the order of their indices and as soon as it is
known, with the slices of a partitioned one (MIG): when the driver hangs, the lines before tell which GPU it hangs on.
The named indices are left out.
"""

import contextlib
import json
import math
import re
import sys
from collections.abc import Iterator
from typing import Any

import pynvml

_PROFILE = re.compile(r"(\d+c\.)?\d+g\.\d+gb\S*")


def main(skipped: frozenset[int]) -> None:
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        _say({"driver": _text(pynvml.nvmlSystemGetDriverVersion()), "cuda": _cuda(), "count": count})
    except pynvml.NVMLError as error:
        _say({"problem": str(error)})
        return
    for index in range(count):
        if index not in skipped:
            _say(_gpu(index))


def _gpu(index: int) -> dict[str, Any]:
    """Facts that can be read, and the first error."""
    facts: dict[str, Any] = {"index": index}
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        facts["uuid"] = _text(pynvml.nvmlDeviceGetUUID(handle))
        facts["name"] = _text(pynvml.nvmlDeviceGetName(handle))
        facts["pci_bus_id"] = _text(pynvml.nvmlDeviceGetPciInfo(handle).busId)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        facts["memory_bytes"], facts["memory_used_bytes"] = memory.total, memory.used
        facts["compute_capability"] = "{}.{}".format(*pynvml.nvmlDeviceGetCudaComputeCapability(handle))
        facts["utilization_percent"] = _utilization(handle)
        facts["ecc_uncorrected"], facts["remap_failed"] = _memory_errors(handle)
        if _is_partitioned(handle):
            facts["slices"] = list(_slices(handle, facts["name"]))
    except pynvml.NVMLError as error:
        facts["problem"] = str(error)
    return facts


def _cuda() -> str:
    """`12.4`; empty where it cannot be told. NVML says 12040."""
    try:
        number: int = pynvml.nvmlSystemGetCudaDriverVersion()
    except pynvml.NVMLError:
        return ""
    return f"{number // 1000}.{number % 1000 // 10}"


def _is_partitioned(handle: Any) -> bool:
    try:
        current: int = pynvml.nvmlDeviceGetMigMode(handle)[0]
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
        return False
    return bool(current == pynvml.NVML_DEVICE_MIG_ENABLE)


def _slices(parent: Any, name: str) -> Iterator[dict[str, Any]]:
    for number in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(parent)):
        try:
            handle = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(parent, number)
        except pynvml.NVMLError_NotFound:
            continue
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        profile = _profile(handle)
        yield {
            "uuid": _text(pynvml.nvmlDeviceGetUUID(handle)),
            "name": f"{name} MIG {profile}",
            "profile": profile,
            "memory_bytes": memory.total,
            "memory_used_bytes": memory.used,
        }


def _profile(handle: Any) -> str:
    """Newer drivers name it; of others it follows from what the slice has."""
    named = _text(pynvml.nvmlDeviceGetName(handle)).rpartition(" MIG ")[2]
    if _PROFILE.fullmatch(named):
        return named
    has = pynvml.nvmlDeviceGetAttributes(handle)
    whole, part = has.gpuInstanceSliceCount, has.computeInstanceSliceCount
    return f"{f'{part}c.' if part != whole else ''}{whole}g.{math.ceil(has.memorySizeMB / 1024)}gb"


def _utilization(handle: Any) -> int:
    try:
        percent: int = pynvml.nvmlDeviceGetUtilizationRates(handle).gpu
    except pynvml.NVMLError_NotSupported:  # of a partitioned GPU, for one
        return 0
    return percent


def _memory_errors(handle: Any) -> tuple[int, bool]:
    """Uncorrected errors since the driver was loaded, and whether a bad row could not be replaced. Many GPUs count
    neither."""
    uncorrected, remap_failed = 0, False
    with contextlib.suppress(pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
        uncorrected = pynvml.nvmlDeviceGetTotalEccErrors(
            handle, pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC
        )
    with contextlib.suppress(pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
        remap_failed = bool(pynvml.nvmlDeviceGetRemappedRows(handle)[3])
    return uncorrected, remap_failed


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(frozenset(int(index) for index in ",".join(sys.argv[1:]).split(",") if index))
