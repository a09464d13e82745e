"""A move as the placement decision takes it: as if the deployment were held where it is to go."""

from collections.abc import Sequence
from dataclasses import replace

from homeport.core.placement.filter import bar
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.types import Held, Wanted
from homeport.core.rebalance.types import Move


def steered(held: Sequence[Held], move: Move, wanted: Wanted, fleet: Fleet) -> tuple[Held, ...]:
    """`held`, with the node that the move goes to in the place of the one that it leaves; as it is where the move
    means nothing (any more). What is left is handed over as always: kept until the others are ready."""
    target = fleet.get(move.to_node)
    there = next((each for each in held if each.node_id == move.to_node), None)
    is_here = any(each.node_id == move.from_node for each in held)
    if not is_here or target is None or bar(target, wanted, there) is not None:
        return tuple(held)
    goal = there or Held(move.to_node, 0)
    goal = replace(goal, max_replicas=max(goal.max_replicas, move.replicas))
    return tuple(goal if each.node_id == move.from_node else each for each in held if each.node_id != move.to_node)
