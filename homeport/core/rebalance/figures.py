"""What a rebalance is to better, in numbers."""

from collections.abc import Iterable
from dataclasses import dataclass

from homeport.core.packing.shape import WHOLE
from homeport.core.placement.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Figures:
    """Of nodes that take new replicas, and their usable GPUs. `stranded_milli` is what typical demand can't use of
    `free_milli`, thousandths of GPUs."""

    nodes: int
    free_nodes: int
    gpus: int
    free_gpus: int
    free_milli: int
    stranded_milli: int

    @property
    def unallocated_percent(self) -> float:
        return 100 * self.free_milli / (self.gpus * WHOLE) if self.gpus else 0.0

    @property
    def fragmentation_percent(self) -> float:
        """Of what is free."""
        return 100 * self.stranded_milli / self.free_milli if self.free_milli else 0.0


def figures_of(fleet: Fleet, pools: Iterable[str]) -> Figures:
    nodes = [node for node in fleet.in_pools(sorted(pools)) if node.takes_new]
    ids = [node.node_id for node in nodes]
    free = fleet.packer.free(ids)
    return Figures(
        nodes=len(nodes),
        free_nodes=sum(not fleet.ledger.on(id) for id in ids),
        gpus=sum(gpu.is_usable for node in nodes for gpu in node.inventory.gpus),
        free_gpus=int((free == WHOLE).sum()),
        free_milli=int(free.sum()),
        stranded_milli=round(fleet.packer.fragments(ids)),
    )
