"""Budgets for one revision over the nodes of its nodepools. Equal input gives equal output."""

from collections.abc import Sequence

from homeport.core.placement.filter import count_that_fit, reject, usable_gpus
from homeport.core.placement.types import Budget, Candidate, Plan, Rejection, Wanted
from homeport.core.resources import DeviceShare


def plan(wanted: Wanted, candidates: Sequence[Candidate]) -> Plan:
    """Hands out the maximum in rank order, as much as fits per node; the minimum over at least two nodes.

    Rank: nodepool priority, then nodes that hold the deployment already in the order that they have, then node id;
    where it `stays`, nodes that hold it come before all others. A stopped deployment (maximum 0) has no budgets and
    misses nothing.
    """
    if wanted.scaling.max_replicas == 0:
        return Plan(budgets=())
    fitting, rejections = _look(wanted, candidates)
    maxima = _fill(fitting, wanted)
    minima = _spread(maxima, wanted.scaling.min_replicas)
    budgets = tuple(
        Budget(c.node_id, rank, minima[rank], maxima[rank], _devices(c, wanted, maxima[rank]))
        for rank, c in enumerate(fitting)
        if maxima[rank] > 0
    )
    return Plan(
        budgets,
        tuple(rejections),
        missing_min=wanted.scaling.min_replicas - sum(minima),
        missing_max=wanted.scaling.max_replicas - sum(maxima),
    )


def _look(wanted: Wanted, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Rejection]]:
    """The nodes that fit, best first, as far as they are needed; why not matters only while something is missing."""
    priority = {key: index for index, key in enumerate(wanted.nodepools)}
    held = {node_id: rank for rank, node_id in enumerate(wanted.current_nodes)}
    in_order = sorted(
        (c for c in candidates if c.nodepool in priority),
        key=lambda c: (
            held.get(c.node_id, len(held)) if wanted.stays else 0,
            priority[c.nodepool],
            held.get(c.node_id, len(held)),
            c.node_id,
        ),
    )
    enough_nodes = 2 if wanted.scaling.min_replicas >= 2 else 1
    fitting: list[Candidate] = []
    rejections: list[Rejection] = []
    room = 0
    for candidate in in_order:
        rejection = reject(candidate, wanted)
        if rejection:
            rejections.append(rejection)
            continue
        fitting.append(candidate)
        room += count_that_fit(candidate, wanted)
        if room >= wanted.scaling.max_replicas and len(fitting) >= enough_nodes:
            break
    return fitting, rejections


def _fill(fitting: Sequence[Candidate], wanted: Wanted) -> list[int]:
    """max per node. A minimum of two or more leaves one for a second node: one host's death is not an outage."""
    left = wanted.scaling.max_replicas
    spare = 1 if wanted.scaling.min_replicas >= 2 and len(fitting) >= 2 else 0
    maxima = []
    for index, candidate in enumerate(fitting):
        cap = left - spare if index == 0 else left
        share = max(0, min(cap, count_that_fit(candidate, wanted)))
        maxima.append(share)
        left -= share
    return maxima


def _spread(maxima: Sequence[int], minimum: int) -> list[int]:
    """min per node: one at a time over the nodes that have room, the first rank first."""
    minima = [0] * len(maxima)
    left = min(minimum, sum(maxima))
    while left:
        for index, most in enumerate(maxima):
            if left and minima[index] < most:
                minima[index] += 1
                left -= 1
    return minima


def _devices(candidate: Candidate, wanted: Wanted, replicas: int) -> tuple[DeviceShare, ...]:
    count = wanted.needs.accelerators * replicas
    return tuple(DeviceShare(gpu.uuid, gpu.memory_bytes) for gpu in usable_gpus(candidate, wanted)[:count])
