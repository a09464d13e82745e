"""Why nodes take no replica, or no more of them."""

from collections.abc import Iterator
from itertools import islice

from homeport.core.placement.filter import bars, shortages
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.types import Candidate, Plan, Rejection, Wanted


def rejections(wanted: Wanted, fleet: Fleet, plan: Plan) -> Iterator[Rejection]:
    """Of the nodes in the deployment's nodepools that got no budget in `plan`, which the fleet's ledger holds: the
    first reason of each."""
    placed = {budget.node_id for budget in plan.budgets}
    for node in fleet.in_pools(wanted.nodepools):
        if node.node_id not in placed:
            yield from islice(reasons(node, wanted, fleet), 1)


def reasons(node: Candidate, wanted: Wanted, fleet: Fleet) -> Iterator[Rejection]:
    """All reasons why one more replica may not go there."""
    held = next((held for held in wanted.held if held.node_id == node.node_id), None)
    yield from bars(node, wanted, held)
    if wanted.capped.get(node.node_id) == 0:
        yield Rejection(node.node_id, node.name, "pressure", "a node where it is not crowded out", "busy others")
    yield from shortages(node, wanted.needs, fleet.left(node.node_id).shared())
