"""Reasons that keep a node out, each with need against have."""

from collections.abc import Iterator, Mapping

from homeport.core.architecture import architecture_of
from homeport.core.device_type import is_of_any_type
from homeport.core.packing.shape import WHOLE, DeviceClass, Shape
from homeport.core.placement.types import Candidate, Free, Held, Rejection, Wanted
from homeport.core.quantity import format_bytes, format_cpu
from homeport.core.residency import mismatches
from homeport.core.resources import ComputeNeeds, Gpu
from homeport.core.status import NodeStatus
from homeport.core.version_range import is_within

# A silent node keeps what it has (it may well be serving) but gets nothing new.
_TAKES_NEW = frozenset({NodeStatus.READY})
_KEEPS = frozenset({NodeStatus.READY, NodeStatus.SUSPECT, NodeStatus.DISCONNECTED})


def bar(node: Candidate, wanted: Wanted, held: Held | None) -> Rejection | None:
    """The first of the `bars`."""
    return next(bars(node, wanted, held), None)


def bars(node: Candidate, wanted: Wanted, held: Held | None) -> Iterator[Rejection]:
    """The reasons, of those that have nothing to do with what is free, why the node may run no replica.

    `held` is the deployment's placement there.
    """
    if node.nodepool not in wanted.nodepools:
        yield _rejection(node, "nodepool", " or ".join(wanted.nodepools), node.nodepool)
    for need, have in mismatches(wanted.residency, node.labels):
        yield _rejection(node, "residency", need, have)
    status = held.status if held else node.status
    if status not in (_KEEPS if held else _TAKES_NEW):
        yield _rejection(node, "status", "ready", status)
    if not node.approved:
        yield _rejection(node, "approval", "a node that was let in", f"homeport node approve {node.name}")
    if node.draining:
        yield _rejection(node, "drain", "a node that is not being emptied", "draining")
    if node.cordoned and not held:
        yield _rejection(node, "cordon", "a node that takes new replicas", "cordoned")
    if refusal := wanted.refused.get(node.node_id):
        yield _rejection(node, "refused", refusal.need, refusal.have)
    if other := wanted.apart.get(node.node_id):
        yield _rejection(node, "apart_from", f"a node without {other}", f"{other} has a placement there")
    if other := wanted.evicted.get(node.node_id):
        yield _rejection(node, "preempted", f"a node that {other} does not need", f"{other} has a higher priority")
    yield from _label_mismatches(node, wanted)
    yield from _unmet(node, wanted)


def _label_mismatches(node: Candidate, wanted: Wanted) -> Iterator[Rejection]:
    labels = node.node_labels
    for term in wanted.affinity.require:
        if not term.matches(labels):
            yield _rejection(node, "labels", str(term), _label(labels, term.key))
    for term in wanted.affinity.exclude:
        if term.matches(labels):
            yield _rejection(node, "labels", f"no {term}", _label(labels, term.key))


def _label(labels: Mapping[str, str], key: str) -> str:
    return f"{key}={labels[key]}" if key in labels else f"no label {key}"


def _unmet(node: Candidate, wanted: Wanted) -> Iterator[Rejection]:
    """What the host is not."""
    has, requires = node.inventory, wanted.requires
    architecture = architecture_of(has.architecture)
    if requires.architectures and architecture not in requires.architectures:
        yield _rejection(node, "architecture", " or ".join(requires.architectures), architecture or "an unknown one")
    if wanted.driver not in has.drivers:
        yield _rejection(node, "driver", wanted.driver, ", ".join(has.drivers) or "none")
    elif wanted.driver == "docker" and wanted.needs.accelerators and has.engine_gpu_obstacle:
        yield _rejection(node, "engine", "an engine that gives containers GPUs", has.engine_gpu_obstacle)
    for name, need, have in (
        ("nvidia_driver", requires.nvidia_driver, has.nvidia_driver_version),
        ("cuda", requires.cuda, has.cuda_version),
    ):
        if need and not is_within(have, need):
            yield _rejection(node, name, need, have or "no NVIDIA driver")


def shortages(node: Candidate, needs: ComputeNeeds, free: Free) -> Iterator[Rejection]:
    """What of `free` does not suffice for one more replica."""
    if needs.cpu_milli > free.cpu_milli:
        yield _rejection(node, "cpu", format_cpu(needs.cpu_milli), f"{format_cpu(max(0, free.cpu_milli))} free")
    for name, need, have in (
        ("memory", needs.memory_bytes, free.memory_bytes),
        ("disk", needs.disk_bytes, free.disk_bytes),
    ):
        if need > have:
            yield _rejection(node, name, format_bytes(need), f"{format_bytes(max(0, have))} free")
    if needs.network_mbps > free.network_mbps:
        yield _rejection(node, "network", f"{needs.network_mbps} Mbit/s", _network_left(node, free))
    if needs.accelerators:
        yield from _device_shortage(node, needs, free)


def _network_left(node: Candidate, free: Free) -> str:
    if not node.inventory.network_mbps:
        return "a link of unknown speed: say network_mbps in its agent.toml"
    return f"{max(0, free.network_mbps)} Mbit/s free"


def shape_of(needs: ComputeNeeds) -> Shape:
    return Shape(
        cpu_milli=needs.cpu_milli,
        memory_bytes=needs.memory_bytes,
        devices=needs.accelerators,
        compute_milli=needs.accelerator_milli if needs.accelerators else WHOLE,
        device_memory_bytes=needs.accelerator_memory_bytes if needs.accelerators else 0,
        types=needs.accelerator_types if needs.accelerators else (),
        disk_bytes=needs.disk_bytes,
        network_mbps=needs.network_mbps,
    )


def device_class(gpu: Gpu) -> DeviceClass:
    return DeviceClass(gpu.name, gpu.memory_bytes, gpu.most_sharing)


def _device_shortage(node: Candidate, needs: ComputeNeeds, free: Free) -> Iterator[Rejection]:
    """Says how far the devices get through type, size, health and what others hold."""
    shape, gpus = shape_of(needs), node.inventory.gpus
    typed = [gpu for gpu in gpus if is_of_any_type(gpu.name, needs.accelerator_types)]
    sized = [gpu for gpu in typed if shape.milli_on(device_class(gpu)) is not None]
    healthy = [gpu for gpu in sized if gpu.is_usable]
    left = dict(zip((gpu.uuid for gpu in gpus), free.devices, strict=True))
    usable = [gpu for gpu in healthy if left[gpu.uuid] >= (shape.milli_on(device_class(gpu)) or WHOLE + 1)]
    if len(usable) >= needs.accelerators:
        return
    if not gpus:
        have = "no GPU"
    elif len(typed) < needs.accelerators:
        have = f"{len(typed)} of that type; its GPUs are {', '.join(sorted({gpu.name for gpu in gpus}))}"
    elif len(sized) < needs.accelerators:
        have = f"at most {format_bytes(max(gpu.memory_bytes for gpu in typed))} on one"
    elif len(healthy) < needs.accelerators:
        broken = next(gpu for gpu in sized if not gpu.is_usable)
        why = f"in quarantine: {broken.quarantine}" if broken.quarantine else broken.problem
        have = f"{len(healthy)} healthy of {len(sized)}: {broken.uuid}: {why}"
    else:
        most = max(left[gpu.uuid] for gpu in healthy)
        have = f"{len(usable)} free of {len(healthy)}" + (f", at most {most / 10:g} % of one" if most else "")
        sharing = min((gpu.most_sharing for gpu in healthy if gpu.most_sharing), default=0)
        have += f"; its host lets {sharing} replicas share one" if sharing and most else ""
    yield _rejection(node, "accelerator", described(needs), have)


def described(needs: ComputeNeeds) -> str:
    """Accelerators in words: `2 x h100 of 40Gi`, `25 % of a GPU`."""
    kind = " or ".join(needs.accelerator_types) or "GPU"
    size = f" of {format_bytes(needs.accelerator_memory_bytes)}" if needs.accelerator_memory_bytes else ""
    if needs.accelerator_milli == WHOLE:
        return f"{needs.accelerators} x {kind}{size}"
    memory = f" and {format_bytes(needs.accelerator_memory_bytes)} of its memory" if size else ""
    return f"{needs.accelerator_milli / 10:g} % of a {kind}{memory}"


def _rejection(node: Candidate, name: str, need: str, have: str) -> Rejection:
    return Rejection(node.node_id, node.name, name, need, have)
