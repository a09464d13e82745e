"""Run as a child (`python -m agent.fingerprint.nvml_probe [INDEX,...]`): prints what NVML says, one JSON line each.

The first line is about the driver, then follows one line per GPU, in the order of their indices and as soon as it is
known: when the driver hangs, the lines before tell which GPU it hangs on. The named indices are left out.
"""

import contextlib
import json
import sys
from typing import Any

import pynvml


def main(skipped: frozenset[int]) -> None:
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        _say({"driver": _text(pynvml.nvmlSystemGetDriverVersion()), "count": count})
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
    except pynvml.NVMLError as error:
        facts["problem"] = str(error)
    return facts


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
