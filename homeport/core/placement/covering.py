"""Which placements would have to leave a node so that one more replica of another deployment fits."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from homeport.core.packing.shape import Shape
from homeport.core.placement.filter import device_class, shape_of
from homeport.core.placement.types import Candidate, Free, Taken
from homeport.core.resources import ComputeNeeds


class Occupant(Protocol):
    """A placement. `key` orders equals; two are the same only when they are the same object."""

    @property
    def replicas(self) -> int: ...

    @property
    def key(self) -> tuple[str, str]: ...


Placed = TypeVar("Placed", bound=Occupant)


def covering(
    node: Candidate, needs: ComputeNeeds, free: Free, taken: Mapping[Placed, Taken]
) -> tuple[Placed, ...] | None:
    """As few replicas as a simple search finds, of those that may go; None = even without them it is too small.

    `taken` are placements that may go and what each gives up of the node, of which so much is `free`.
    """
    shape = shape_of(needs)
    going = _off_devices(node, shape, free, taken) if shape.devices else []
    if going is None:
        return None
    need = (shape.cpu_milli, shape.memory_bytes, shape.disk_bytes, shape.network_mbps)
    have = (free.cpu_milli, free.memory_bytes, free.disk_bytes, free.network_mbps)
    # Those without devices first: what they give up is what is missing here.
    rest = [each for each in taken if each not in going]
    rest.sort(key=lambda each: (len(taken[each].devices), -taken[each].cpu_milli // max(1, each.replicas), each.key))
    lack = _lack(need, have, (taken[each] for each in going))
    for each in rest:
        if max(lack) <= 0:
            break
        given = _host(taken[each])
        if any(more > 0 for more, missing in zip(given, lack, strict=True) if missing > 0):
            going.append(each)
            lack = tuple(missing - more for missing, more in zip(lack, given, strict=True))
    return tuple(going) if max(lack) <= 0 else None


def _off_devices(node: Candidate, shape: Shape, free: Free, taken: Mapping[Placed, Taken]) -> list[Placed] | None:
    """From the devices that are cleared with the fewest replicas."""
    options: list[tuple[int, int, list[Placed]]] = []
    for index, gpu in enumerate(node.inventory.gpus):
        milli = shape.milli_on(device_class(gpu)) if gpu.is_usable else None
        if milli is None:
            continue
        held = {each: sum(m for uuid, m in t.devices if uuid == gpu.uuid) for each, t in taken.items()}
        off = _fewest({each: m for each, m in held.items() if m}, milli - free.devices[index])
        if off is not None:
            options.append((sum(each.replicas for each in off), index, off))
    if len(options) < shape.devices:
        return None
    options.sort(key=lambda option: option[:2])
    return list(dict.fromkeys(each for _, _, off in options[: shape.devices] for each in off))


def _fewest(held: Mapping[Placed, int], lack: int) -> list[Placed] | None:
    """Of the holders of a device, so many that they give up `lack` milli: the smallest one that does it alone, else the
    largest first."""
    if lack <= 0:
        return []
    alone = [each for each, milli in held.items() if milli >= lack]
    if alone:
        return [min(alone, key=lambda each: (each.replicas, held[each], each.key))]
    off: list[Placed] = []
    for each in sorted(held, key=lambda each: (each.replicas, -held[each], each.key)):
        off.append(each)
        lack -= held[each]
        if lack <= 0:
            return off
    return None


def _lack(need: Sequence[int], have: Sequence[int], going: Iterable[Taken]) -> tuple[int, ...]:
    lack = [asked - left for asked, left in zip(need, have, strict=True)]
    for taken in going:
        lack = [missing - more for missing, more in zip(lack, _host(taken), strict=True)]
    return tuple(lack)


def _host(taken: Taken) -> tuple[int, int, int, int]:
    return taken.cpu_milli, taken.memory_bytes, taken.disk_bytes, taken.network_mbps
