"""Where one revision may run, and how many replicas on each node. Equal input gives equal output."""

from collections.abc import Iterable, Sequence

from homeport.core.packing.fitting import Fitting
from homeport.core.packing.shape import WHOLE, Shape
from homeport.core.placement.filter import shape_of
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.spots import Spot, fewest_places, hand_out
from homeport.core.placement.types import Budget, Plan, Taken, Wanted
from homeport.core.resources import ComputeNeeds, DeviceShare


def place(wanted: Wanted, fleet: Fleet) -> Plan:
    """Hands out the maximum as far as it fits, and the minimum over at least two nodes, and takes it in the fleet's
    ledger instead of what the deployment had.

    A stopped deployment (maximum 0) has no budgets and misses nothing.
    """
    shape = shape_of(wanted.needs)
    if wanted.scaling.max_replicas:
        fleet.ask(wanted.deployment_id, shape, wanted.scaling.max_replicas)
    return _place(wanted, shape, fleet)


def trial(wanted: Wanted, fleet: Fleet) -> Plan:
    """What `place` would answer; the fleet stays as it is."""
    before = fleet.taken(wanted.deployment_id)
    plan = _place(wanted, shape_of(wanted.needs), fleet)
    fleet.take(wanted.deployment_id, before)
    return plan


def _place(wanted: Wanted, shape: Shape, fleet: Fleet) -> Plan:
    before = fleet.taken(wanted.deployment_id)
    if before:
        fleet.release(wanted.deployment_id)
    if wanted.scaling.max_replicas == 0:
        return Plan(budgets=())
    fitting = fleet.packer.fit(shape)
    sharing = fleet.shared.fit(shape) if fleet.has_shareable else fitting
    spots = hand_out(wanted, fleet, fitting, sharing)
    minima = _spread(spots, wanted.scaling.min_replicas)
    budgets = tuple(
        Budget(
            spot.node_id,
            0 if wanted.spreads else rank,
            minima[rank],
            spot.replicas,
            _devices(fleet, fitting, sharing, spot, before.get(spot.node_id)) if shape.devices else (),
        )
        for rank, spot in enumerate(spots)
    )
    fleet.take(wanted.deployment_id, taken_by_budgets(wanted.needs, budgets))
    missing_max = wanted.scaling.max_replicas - sum(spot.replicas for spot in spots)
    crowded = wanted.capped and any(spot.replicas > wanted.capped.get(spot.node_id, spot.replicas) for spot in spots)
    at_home = not wanted.returns or all(spot.tier == 0 for spot in spots)
    return Plan(
        budgets,
        missing_min=wanted.scaling.min_replicas - sum(minima),
        missing_max=missing_max,
        settled=not crowded
        and missing_max == 0
        and len({spot.place for spot in spots}) >= fewest_places(wanted)
        and at_home,
    )


def taken_by_budgets(needs: ComputeNeeds, budgets: Iterable[Budget]) -> dict[str, Taken]:
    """By node."""
    return {b.node_id: taken_by(needs, b.min_replicas, b.max_replicas, b.devices) for b in budgets}


def taken_by(needs: ComputeNeeds, least: int, most: int, devices: Sequence[DeviceShare]) -> Taken:
    """What so many replicas may take of a node; the first ones of `devices` are those of the least."""
    first = devices[: len(devices) // most * least] if most else ()
    return _taken(needs, most, devices, None if least >= most else _taken(needs, least, first))


def _taken(needs: ComputeNeeds, count: int, devices: Sequence[DeviceShare], least: Taken | None = None) -> Taken:
    return Taken(
        needs.cpu_milli * count,
        needs.memory_bytes * count,
        needs.disk_bytes * count,
        tuple((share.gpu_uuid, share.compute_milli) for share in devices),
        needs.network_mbps * count,
        least,
    )


def _spread(spots: Sequence[Spot], minimum: int) -> list[int]:
    """min per node: one at a time over the nodes that have room, the first of each place first, then by rank."""
    if len(spots) == 1:
        return [min(minimum, spots[0].replicas)]
    minima = [0] * len(spots)
    left = min(minimum, sum(spot.replicas for spot in spots))
    first_of = {spot.place: index for index, spot in reversed(list(enumerate(spots)))}
    order = sorted(range(len(spots)), key=lambda index: first_of[spots[index].place] != index)
    while left:
        for index in order:
            if left and minima[index] < spots[index].replicas:
                minima[index] += 1
                left -= 1
    return minima


def _devices(
    fleet: Fleet, fitting: Fitting, sharing: Fitting, spot: Spot, held: Taken | None
) -> tuple[DeviceShare, ...]:
    if fleet.may_share(spot.node_id) and (held or spot.replicas > spot.room):
        return shares_on(fleet, sharing, spot.node_id, spot.replicas, held, idle_first=True)
    return shares_on(fleet, fitting, spot.node_id, spot.replicas, held)


def shares_on(
    fleet: Fleet,
    fitting: Fitting,
    node_id: str,
    replicas: int,
    held: Taken | None = None,
    idle_first: bool = False,
) -> tuple[DeviceShare, ...]:
    """Devices that the deployment holds are taken first, so that no replica moves from one to another. With
    `idle_first` those follow of which the least use is to be expected."""
    gpus = fleet.node(node_id).inventory.gpus
    index_of = {gpu.uuid: index for index, gpu in enumerate(gpus)} if held else {}
    first = [index_of[uuid] for uuid, _ in held.devices if uuid in index_of] if held else []
    if idle_first:
        left = fleet.left(node_id)
        first += sorted(range(len(gpus)), key=lambda index: left.expected_on(gpus[index].uuid)) * replicas
    chosen = fitting.devices(node_id, replicas, first)
    return tuple(
        DeviceShare(gpus[index].uuid, gpus[index].memory_bytes * milli // WHOLE, milli) for index, milli in chosen
    )
