"""Replicas move without a gap: where they are is given up only once they are ready where they should be.

A node from which replicas leave - it is drained, a better nodepool has room again, another node came back - keeps as
many as are needed until the others have taken over. Meanwhile more run than the maximum: at most what was ready there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from homeport.core.placement.types import Budget
from homeport.core.policy import Scaling


@dataclass(frozen=True, slots=True)
class Leaving:
    """A node that holds a budget and is not to. `ready` counts replicas that serve there, or may do so unseen.

    `at_once`: nothing is waited for. `unheard`: nobody knows yet what serves there, so it is kept until somebody does.
    """

    node_id: str
    ready: int
    at_once: bool = False
    unheard: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """What a node that is left still has to run. `awaited` are replicas that must become ready elsewhere first;
    0 = there is no room for more elsewhere, and fewer would be too few."""

    node_id: str
    replicas: int
    awaited: int


@dataclass(frozen=True, slots=True)
class Handover:
    """`budgets` are those of the plan, with their minima raised to what takes over; `kept` goes on beside them."""

    budgets: tuple[Budget, ...]
    kept: tuple[Kept, ...] = ()


def hand_over(budgets: Sequence[Budget], ready_there: int, leaving: Sequence[Leaving], scaling: Scaling) -> Handover:
    """`ready_there`: replicas that serve on the nodes of `budgets`, no more of a node than it may have.

    All that served where it leaves is made ready first, as far as there is room. What finds none is let go down to the
    minimum, and to the last one that serves.
    """
    serving = sum(each.ready for each in leaving)
    most = scaling.max_replicas
    secured = raise_minima(budgets, min(most, max(scaling.min_replicas, serving)))
    waiting = max(0, sum(budget.min_replicas for budget in secured) - ready_there)
    fewest = min(most, max(scaling.min_replicas, min(serving, 1)))
    needed = serving if waiting else max(0, fewest - ready_there)
    kept = []
    for each in leaving:
        count = 0 if each.at_once or most == 0 else min(each.ready, needed)
        needed -= count
        if count or (each.unheard and not each.at_once and most):
            kept.append(Kept(each.node_id, count, waiting))
    return Handover(secured if kept or waiting else tuple(budgets), tuple(kept))


def raise_minima(budgets: Sequence[Budget], minimum: int) -> tuple[Budget, ...]:
    """One at a time over the nodes that have room, the first rank first, until they add up to it or all are full."""
    minima = [budget.min_replicas for budget in budgets]
    left = min(minimum, sum(budget.max_replicas for budget in budgets)) - sum(minima)
    while left > 0:
        for index, budget in enumerate(budgets):
            if left > 0 and minima[index] < budget.max_replicas:
                minima[index] += 1
                left -= 1
    return tuple(replace(budget, min_replicas=low) for budget, low in zip(budgets, minima, strict=True))
