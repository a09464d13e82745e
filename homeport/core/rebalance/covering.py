"""Which placements would have to leave a node so that one more replica of another deployment fits."""

from collections.abc import Iterable, Sequence

from homeport.core.packing.shape import Shape
from homeport.core.placement.filter import device_class, shape_of
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.types import Candidate, Taken, Wanted
from homeport.core.rebalance.types import Movable


def covering(node: Candidate, wanted: Wanted, fleet: Fleet, movable: Sequence[Movable]) -> tuple[Movable, ...] | None:
    """As few replicas as a simple search finds, of those that are `movable`; None = even without them it is too small.

    `movable` are placements on the node, without those of the deployment itself.
    """
    here = fleet.ledger.on(node.node_id)
    taken = {each: here[each.wanted.deployment_id] for each in movable}
    shape = shape_of(wanted.needs)
    going = _off_devices(node, shape, fleet, taken) if shape.devices else []
    if going is None:
        return None
    free = fleet.free(node.node_id)
    need = (shape.cpu_milli, shape.memory_bytes, shape.disk_bytes)
    have = (free.cpu_milli, free.memory_bytes, free.disk_bytes)
    # Those without devices first: what they give up is what is missing here.
    rest = [each for each in movable if each not in going]
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


def _off_devices(node: Candidate, shape: Shape, fleet: Fleet, taken: dict[Movable, Taken]) -> list[Movable] | None:
    """From the devices that are cleared with the fewest replicas."""
    free = fleet.free(node.node_id).devices
    options: list[tuple[int, int, list[Movable]]] = []
    for index, gpu in enumerate(node.inventory.gpus):
        milli = shape.milli_on(device_class(gpu)) if gpu.is_usable else None
        if milli is None:
            continue
        held = {each: sum(m for uuid, m in t.devices if uuid == gpu.uuid) for each, t in taken.items()}
        off = _fewest({each: m for each, m in held.items() if m}, milli - free[index])
        if off is not None:
            options.append((sum(each.replicas for each in off), index, off))
    if len(options) < shape.devices:
        return None
    options.sort(key=lambda option: option[:2])
    return list(dict.fromkeys(each for _, _, off in options[: shape.devices] for each in off))


def _fewest(held: dict[Movable, int], lack: int) -> list[Movable] | None:
    """Of the holders of a device, so many that they give up `lack` milli: the smallest one that does it alone, else the
    largest first."""
    if lack <= 0:
        return []
    alone = [each for each, milli in held.items() if milli >= lack]
    if alone:
        return [min(alone, key=lambda each: (each.replicas, held[each], each.key))]
    off: list[Movable] = []
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


def _host(taken: Taken) -> tuple[int, int, int]:
    return taken.cpu_milli, taken.memory_bytes, taken.disk_bytes
