"""What would make a node take a replica."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from homeport.core.packing.shape import WHOLE
from homeport.core.placement.filter import described, device_class, shape_of, shortages
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.types import Candidate, Rejection, Wanted
from homeport.core.quantity import format_bytes, format_cpu

_BY_HAND = {
    "approval": "homeport node approve {name}",
    "cordon": "homeport node uncordon {name}",
    "drain": "homeport node undrain {name}",
}
# By whoever runs the host.
_ON_HOST = {
    "labels": "{need} on {name} (labels in its agent.toml)",
    "nvidia_driver": "an NVIDIA driver {need} on {name}",
    "cuda": "an NVIDIA driver that serves CUDA {need} on {name}",
    "engine": "{have} (on {name})",
}
# What nothing mends, or time alone.
_HARD = {"residency", "architecture", "driver", "nodepool", "status", "refused", "preempted", "pressure"}


@dataclass(frozen=True, slots=True)
class Fix:
    """`effort` orders them: below 1 a command, from 1 on what has to be freed as a part of the node, above 2 more, and
    from 3 on what somebody has to change on the host."""

    text: str
    effort: float


def fixes_for(node: Candidate, wanted: Wanted, fleet: Fleet, reasons: Sequence[Rejection]) -> list[Fix]:
    """Everything that keeps the node out, as one fix; none where it can't be mended by commands and freeing."""
    filters = {reason.filter for reason in reasons}
    if not filters or filters & _HARD:
        return []
    commands = [_BY_HAND[name].format(name=node.name) for name in _BY_HAND if name in filters]
    on_host = [
        _ON_HOST[reason.filter].format(name=node.name, need=reason.need, have=reason.have)
        for reason in reasons
        if reason.filter in _ON_HOST
    ]
    if "apart_from" in filters:
        on_host.append(f"{wanted.apart[node.node_id]} away from {node.name}")
    if "network" in filters and not node.inventory.network_mbps:
        on_host.append(f"network_mbps in the agent.toml of {node.name}")
    freed, effort = _to_free(node, wanted, fleet)
    if freed is None:
        return []
    parts = [*commands, *on_host, *([f"{' and '.join(freed)} freed on {node.name}"] if freed else [])]
    holders = f" (held by {_holders(node, wanted, fleet)})" if freed and _holders(node, wanted, fleet) else ""
    effort = 0.1 * len(commands) + (1.0 + effort if freed else 0.0) + 3.0 * len(on_host)
    return [Fix(f"{' and '.join(parts)}{holders}", effort)]


def other_devices(node: Candidate, wanted: Wanted, fleet: Fleet, reasons: Sequence[Rejection]) -> list[Fix]:
    """Devices of other kinds that would do by their memory, and that the deployment does not ask for: slices of GPUs
    above all. One that says nothing of memory can't be told what would do."""
    needs = wanted.needs
    if {reason.filter for reason in reasons} != {"accelerator"} or not needs.accelerator_memory_bytes:
        return []
    free = fleet.free(node.node_id)
    found = {}
    for gpu in node.inventory.gpus:
        kind = f"mig-{gpu.mig_profile}" if gpu.mig_profile else gpu.name.replace(" ", "-")
        other = replace(needs, accelerator_types=(kind,))
        if kind not in found and next(shortages(node, other, free), None) is None:
            name = f"MIG {gpu.mig_profile}" if gpu.mig_profile else gpu.name
            found[kind] = Fix(f"{needs.accelerators} of {name} on {node.name}: accelerator_type [{kind}]", effort=2.5)
    return list(found.values())


def _to_free(node: Candidate, wanted: Wanted, fleet: Fleet) -> tuple[list[str] | None, float]:
    """In words, and as a part of the node. None = the node is too small even when it is empty."""
    needs, has, free = wanted.needs, node.inventory, fleet.left(node.node_id).shared()
    words: list[str] = []
    effort = 0.0
    for name, need, left, whole, form in (
        ("CPU", needs.cpu_milli, free.cpu_milli, has.cpu_milli, format_cpu),
        ("memory", needs.memory_bytes, free.memory_bytes, has.memory_bytes, format_bytes),
        ("disk", needs.disk_bytes, free.disk_bytes, has.disk_bytes, format_bytes),
        ("network", needs.network_mbps, free.network_mbps, has.network_mbps or needs.network_mbps, _format_mbps),
    ):
        if need > whole:
            return None, 0.0
        if name == "network" and not has.network_mbps:
            continue  # of which nobody knows how much there is
        if need > left:
            words.append(f"{form(need - left)} of {name}")
            effort += (need - left) / whole
    devices = _devices_to_free(node, wanted, free.devices)
    if devices is None:
        return None, 0.0
    missing, milli = devices
    if missing:
        words.append(_devices_in_words(missing, milli, wanted))
        effort += missing * milli / WHOLE / max(1, len(has.gpus))
    return words, effort


def _devices_to_free(node: Candidate, wanted: Wanted, free: Sequence[int]) -> tuple[int, int] | None:
    """How many more devices, and the milli that the nearest of them lacks. None = it has not so many at all."""
    if not wanted.needs.accelerators:
        return 0, 0
    shape = shape_of(wanted.needs)
    lacking = sorted(
        max(0, milli - left)
        for gpu, left in zip(node.inventory.gpus, free, strict=True)
        if gpu.is_usable and (milli := shape.milli_on(device_class(gpu))) is not None
    )
    if len(lacking) < shape.devices:
        return None
    missing = [lack for lack in lacking[: shape.devices] if lack]
    return len(missing), max(missing, default=0)


def _format_mbps(mbps: int) -> str:
    return f"{mbps} Mbit/s"


def _devices_in_words(missing: int, milli: int, wanted: Wanted) -> str:
    if wanted.needs.accelerator_milli < WHOLE:
        return f"{milli / 10:g} % of a GPU ({described(wanted.needs)} is asked for)"
    return f"{missing} GPU{'s' if missing > 1 else ''}"


def _holders(node: Candidate, wanted: Wanted, fleet: Fleet) -> str:
    others = sorted(id for id in fleet.ledger.on(node.node_id) if id != wanted.deployment_id)
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return ", ".join(others[:3]) + more
