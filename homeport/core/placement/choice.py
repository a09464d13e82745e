"""What a deployment's scheduling choice means for its nodepools."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

SPOT, ON_DEMAND = "SPOT_TYPE", "ON_DEMAND_TYPE"


class Choice(StrEnum):
    """FAIL and UTILIZATION: the nodepools in their order, the next when one is full or gone. PRICE: the cheapest first.
    PREFER_SPOT, PREFER_ONDEMAND: nodepools of that capacity first. NETWORK: those of the cluster that serves it already
    first, so that it stays in one place. PERFORMANCE: over as many nodes of all nodepools as there may be replicas, all
    in use at once. RANDOM: any node, in an order of the deployment's own."""

    FAIL = "FAIL"
    RANDOM = "RANDOM"
    PRICE = "PRICE"
    PERFORMANCE = "PERFORMANCE"
    NETWORK = "NETWORK"
    UTILIZATION = "UTILIZATION"
    PREFER_SPOT = "PREFER_SPOT"
    PREFER_ONDEMAND = "PREFER_ONDEMAND"


@dataclass(frozen=True, slots=True)
class Pool:
    """A nodepool, as far as a choice looks at it. `key` is `cluster/nodepool`; the price, of an hour of one of its
    nodes, is None when it is not known."""

    key: str
    price_per_hour: float | None = None
    capacity_types: frozenset[str] = frozenset()

    @property
    def cluster(self) -> str:
        return self.key.partition("/")[0]


def tiers(choice: Choice, pools: Sequence[Pool], home: str = "") -> tuple[tuple[str, ...], ...]:
    """Nodepools in the order in which they are used, alike ones together. `pools` are in the order of the deployment's
    spec, which stays where the choice does not say otherwise; `home` is the cluster that serves it now."""
    if choice in (Choice.PERFORMANCE, Choice.RANDOM):
        return (tuple(pool.key for pool in pools),)
    if choice is Choice.PRICE:
        pools = sorted(pools, key=lambda pool: (pool.price_per_hour is None, pool.price_per_hour or 0.0))
    elif choice is Choice.PREFER_SPOT:
        pools = sorted(pools, key=lambda pool: SPOT not in pool.capacity_types)
    elif choice is Choice.PREFER_ONDEMAND:
        pools = sorted(pools, key=lambda pool: bool(pool.capacity_types) and ON_DEMAND not in pool.capacity_types)
    elif choice is Choice.NETWORK and pools:
        pools = sorted(pools, key=lambda pool: pool.cluster != (home or pools[0].cluster))
    return tuple((pool.key,) for pool in pools)
