"""What a plan costs an hour: of each node the part that its replicas take."""

from collections.abc import Mapping
from dataclasses import dataclass

from homeport.core.packing.shape import WHOLE
from homeport.core.placement.types import Plan
from homeport.core.resources import ComputeNeeds, Inventory

# Of one node, an hour: at least and at most, where nobody knows which of several instance types it is.
Prices = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PriceRange:
    """US dollars an hour, with all minima and with all maxima running. `unpriced` nodes are not part of it."""

    low: float
    high: float
    unpriced: tuple[str, ...] = ()


def price_range(
    plan: Plan, needs: ComputeNeeds, nodes: Mapping[str, Inventory], prices: Mapping[str, Prices]
) -> PriceRange | None:
    """`nodes` and `prices` are by node id. None when of no node a price is known."""
    unpriced = tuple(budget.node_id for budget in plan.budgets if budget.node_id not in prices)
    priced = [budget for budget in plan.budgets if budget.node_id in prices]
    if not priced:
        return None
    low = high = 0.0
    for budget in priced:
        each = share_of(
            needs, nodes[budget.node_id], sum(share.compute_milli for share in budget.devices) / budget.max_replicas
        )
        cheap, dear = prices[budget.node_id]
        low += cheap * min(1.0, each * budget.min_replicas)
        high += dear * min(1.0, each * budget.max_replicas)
    return PriceRange(round(low, 6), round(high, 6), unpriced)


def share_of(needs: ComputeNeeds, node: Inventory, device_milli: float) -> float:
    """Of the node, by what the replica takes most of: who takes all GPUs leaves nothing that others would pay for."""
    parts = [
        needs.cpu_milli / node.cpu_milli if node.cpu_milli else 0.0,
        needs.memory_bytes / node.memory_bytes if node.memory_bytes else 0.0,
        device_milli / (WHOLE * len(node.gpus)) if node.gpus else 0.0,
    ]
    return max(parts)
