"""Reasons that keep a node out, and how many replicas fit on one that is in."""

from fnmatch import fnmatchcase

from homeport.core.placement.types import Candidate, Rejection, Wanted
from homeport.core.quantity import format_bytes, format_cpu
from homeport.core.resources import Gpu, Inventory
from homeport.core.status import NodeStatus

# A silent node keeps what it has (it may well be serving) but gets nothing new.
_TAKES_NEW = frozenset({NodeStatus.READY})
_KEEPS = frozenset({NodeStatus.READY, NodeStatus.SUSPECT, NodeStatus.DISCONNECTED})


def reject(candidate: Candidate, wanted: Wanted) -> Rejection | None:
    """The first reason why the node may not run even one replica; None = it may."""
    held = candidate.node_id in wanted.current_nodes
    if candidate.nodepool not in wanted.nodepools:
        return _rejection(candidate, "nodepool", " or ".join(wanted.nodepools), candidate.nodepool)
    for key, value in wanted.residency.items():
        have = candidate.labels.get(key)
        if have != value:
            found = f"{key}={have}" if have is not None else f"a cluster without label {key}"
            return _rejection(candidate, "residency", f"{key}={value}", found)
    if candidate.status not in (_KEEPS if held else _TAKES_NEW):
        return _rejection(candidate, "status", "ready", candidate.status)
    if not candidate.approved:
        return _rejection(candidate, "approval", "a node that was let in", f"homeport node approve {candidate.name}")
    if candidate.draining:
        return _rejection(candidate, "drain", "a node that is not being emptied", "draining")
    if candidate.cordoned and not held:
        return _rejection(candidate, "cordon", "a node that takes new replicas", "cordoned")
    if wanted.driver not in candidate.inventory.drivers:
        have = ", ".join(candidate.inventory.drivers) or "none"
        return _rejection(candidate, "driver", wanted.driver, have)
    if count_that_fit(candidate, wanted) == 0:
        return _shortage(candidate, wanted)
    return None


def count_that_fit(candidate: Candidate, wanted: Wanted) -> int:
    """Replicas that fit beside what others have reserved."""
    needs, inventory, reserved = wanted.needs, candidate.inventory, candidate.reserved
    limits = [wanted.scaling.max_replicas]
    if needs.cpu_milli:
        limits.append((inventory.cpu_milli - reserved.cpu_milli) // needs.cpu_milli)
    if needs.memory_bytes:
        limits.append((inventory.memory_bytes - reserved.memory_bytes) // needs.memory_bytes)
    if needs.accelerators:
        limits.append(len(usable_gpus(candidate, wanted)) // needs.accelerators)
    if wanted.scaling.disable_packing:
        limits.append(1)
    return max(0, min(limits))


def usable_gpus(candidate: Candidate, wanted: Wanted) -> list[Gpu]:
    """Healthy, unreserved devices of a fitting type and size: those held already, then the rest in the host's order."""
    needs = wanted.needs
    usable = [
        gpu
        for gpu in candidate.inventory.gpus
        if gpu.is_usable
        and gpu.uuid not in candidate.reserved.gpu_uuids
        and gpu.memory_bytes >= needs.accelerator_memory_bytes
        and (not needs.accelerator_types or any(_is_type(gpu, p) for p in needs.accelerator_types))
    ]
    return sorted(usable, key=lambda gpu: gpu.uuid not in candidate.held_gpu_uuids)


def _is_type(gpu: Gpu, pattern: str) -> bool:
    """`NVIDIA-*`, `NVIDIA-H100*` and `h100` style names against NVML's `NVIDIA H100 80GB HBM3`."""
    name = gpu.name.lower().replace(" ", "-")
    wanted = pattern.lower().replace(" ", "-")
    return fnmatchcase(name, wanted) or wanted in name.split("-")


def _shortage(candidate: Candidate, wanted: Wanted) -> Rejection:
    needs, inventory, reserved = wanted.needs, candidate.inventory, candidate.reserved
    cpu_free = inventory.cpu_milli - reserved.cpu_milli
    memory_free = inventory.memory_bytes - reserved.memory_bytes
    if needs.cpu_milli > cpu_free:
        return _rejection(candidate, "cpu", format_cpu(needs.cpu_milli), f"{format_cpu(max(0, cpu_free))} free")
    if needs.memory_bytes > memory_free:
        have = f"{format_bytes(max(0, memory_free))} free"
        return _rejection(candidate, "memory", format_bytes(needs.memory_bytes), have)
    kind = " or ".join(needs.accelerator_types) or "GPU"
    size = f" of {format_bytes(needs.accelerator_memory_bytes)}" if needs.accelerator_memory_bytes else ""
    usable, all_gpus = len(usable_gpus(candidate, wanted)), len(inventory.gpus)
    return _rejection(
        candidate,
        "accelerator",
        f"{needs.accelerators} x {kind}{size}",
        f"{usable} usable of {all_gpus}{_confined(inventory)}",
    )


def _confined(inventory: Inventory) -> str:
    quarantined = sum(bool(gpu.quarantine) for gpu in inventory.gpus)
    return f", {quarantined} in quarantine" if quarantined else ""


def _rejection(candidate: Candidate, name: str, need: str, have: str) -> Rejection:
    return Rejection(candidate.node_id, candidate.name, name, need, have)
