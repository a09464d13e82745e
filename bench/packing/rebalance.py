"""What moving a few pods gains: at some demand, and once a part of what was placed has left holes."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import mean
from typing import Any

from bench.packing.replay import POOL, Replay
from bench.packing.trace import demand
from homeport.core.placement.types import Held
from homeport.core.rebalance.figures import figures_of
from homeport.core.rebalance.propose import propose
from homeport.core.rebalance.types import Movable
from homeport.core.resources import ComputeNeeds, Inventory

_MARKS = (100, 130)
# Of what is placed at 100 % demand.
_LEAVING_PERCENT = 20


def measure_rebalance(
    nodes: Sequence[Inventory], pods: Sequence[ComputeNeeds], seeds: Sequence[int], percent: float
) -> dict[str, Any]:
    """Figures are means over the seeds. At most `percent` of the placed pods move."""
    return {
        **{f"{mark} %": _means(_at(Replay(nodes, pods, seed), mark, percent) for seed in seeds) for mark in _MARKS},
        f"100 %, then {_LEAVING_PERCENT} % leave": _means(
            _with_holes(Replay(nodes, pods, seed), random.Random(seed), percent) for seed in seeds
        ),
    }


def _means(runs: Iterable[dict[str, float]]) -> dict[str, float]:
    runs = list(runs)
    return {key: round(mean(run[key] for run in runs), 2) for key in runs[0]}


def _at(replay: Replay, mark: int, percent: float) -> dict[str, float]:
    replay.until(mark)
    return _rebalanced(replay, percent)


def _with_holes(replay: Replay, rng: random.Random, percent: float) -> dict[str, float]:
    """What was dropped is tried again before anything moves."""
    replay.until(100)
    for id in [id for id in replay.placed if rng.random() * 100 < _LEAVING_PERCENT]:
        wanted, _ = replay.placed.pop(id)
        replay.fleet.release(id)
        replay.allocated -= demand(wanted.needs)
    replay.dropped = [wanted for wanted in replay.dropped if not replay.try_to_place(wanted)]
    return _rebalanced(replay, percent)


def _rebalanced(replay: Replay, percent: float) -> dict[str, float]:
    movable = [
        Movable(replace(wanted, held=(Held(node_id, 1),)), node_id, 1, 1) for wanted, node_id in replay.placed.values()
    ]
    most = int(len(movable) * percent / 100)
    before = figures_of(replay.fleet, [POOL])
    made = [each for each in propose(replay.fleet, [POOL], movable, replay.dropped, most) if each is not None]
    after = figures_of(replay.fleet, [POOL])
    return {
        "moved_percent": 100 * sum(each.replicas for each in made) / len(movable),
        "unallocated_before": before.unallocated_percent,
        "unallocated_after": after.unallocated_percent,
        "fragmentation_before": before.fragmentation_percent,
        "fragmentation_after": after.fragmentation_percent,
        "free_gpus_before": before.free_gpus,
        "free_gpus_after": after.free_gpus,
        "free_nodes_before": before.free_nodes,
        "free_nodes_after": after.free_nodes,
    }
