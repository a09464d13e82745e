"""Why nodes take no replica, or no more of them."""

from collections.abc import Iterator

from homeport.core.placement.filter import bar, shortage
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.types import Candidate, Plan, Rejection, Wanted


def rejections(wanted: Wanted, fleet: Fleet, plan: Plan) -> Iterator[Rejection]:
    """Of the nodes in the deployment's nodepools that got no budget in `plan`, which the fleet's ledger holds."""
    placed = {budget.node_id for budget in plan.budgets}
    for node in fleet.in_pools(wanted.nodepools):
        if node.node_id not in placed:
            rejection = reject(node, wanted, fleet)
            if rejection is not None:
                yield rejection


def reject(node: Candidate, wanted: Wanted, fleet: Fleet) -> Rejection | None:
    """The first reason why one more replica may not go there; None = it may."""
    held = next((held for held in wanted.held if held.node_id == node.node_id), None)
    return bar(node, wanted, held) or shortage(node, wanted.needs, fleet.free(node.node_id))
