"""Which nodes a deployment goes to, and how many replicas each gets of its maximum."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from homeport.core.packing.fitting import Fitting
from homeport.core.placement.filter import bar
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.types import Wanted


@dataclass(slots=True)
class Spot:
    """A node, of which `room` replicas fit beside what others have. `tier` and `order` make its rank."""

    node_id: str
    tier: int
    order: int
    room: int
    replicas: int = 0


def fewest_nodes(wanted: Wanted) -> int:
    """A minimum of two or more leaves one for a second node: one host's death is no outage."""
    return 2 if wanted.scaling.min_replicas >= 2 else 1


def hand_out(wanted: Wanted, fleet: Fleet, fitting: Fitting) -> list[Spot]:
    """By rank: as much as fits per node, what is held before what is new."""
    handing = _Handing(wanted, fleet, fitting)
    if wanted.returns:
        for tier in range(len(wanted.tiers)):
            handing.keep(tier)
            handing.grow()
            handing.find(tier)
    else:
        for tier in range(len(wanted.tiers)):
            handing.keep(tier)
        handing.grow()
        for tier in range(len(wanted.tiers)):
            handing.find(tier)
    handing.grow(to_the_last=True)
    return sorted(handing.spots, key=lambda spot: (spot.tier, spot.order))


class _Handing:
    def __init__(self, wanted: Wanted, fleet: Fleet, fitting: Fitting) -> None:
        self.spots: list[Spot] = []
        self._wanted = wanted
        self._fleet = fleet
        self._fitting = fitting
        self._left = wanted.scaling.max_replicas
        self._held = {held.node_id for held in wanted.held}

    def keep(self, tier: int) -> None:
        """What the deployment holds in this tier already, as far as it still may."""
        for held in self._wanted.held:
            node = self._fleet.get(held.node_id)
            if node is not None and node.nodepool in self._wanted.tiers[tier] and not bar(node, self._wanted, held):
                self._try(node.node_id, tier, held.max_replicas)

    def find(self, tier: int) -> None:
        """New nodes, as long as something is left to hand out."""
        if not self._left:
            return
        most = 1 if self._wanted.spreads else self._left
        for node_id in self._candidates(tier):
            if node_id not in self._held and node_id not in self._wanted.refused:
                self._try(node_id, tier, most)
                if not self._left:
                    return

    def grow(self, to_the_last: bool = False) -> None:
        """More on nodes that have been taken; `to_the_last`: also what was kept for a second node that there is not."""
        if self._wanted.spreads and not to_the_last:
            return
        while True:
            left = self._left if to_the_last else self._left - self._kept_back()
            growing = [spot for spot in self.spots if spot.replicas < spot.room]
            if left <= 0 or not growing:
                return
            for spot in growing:
                more = max(0, min(1 if self._wanted.spreads else left, left, spot.room - spot.replicas))
                spot.replicas += more
                self._left -= more
                left -= more

    def _try(self, node_id: str, tier: int, most: int) -> None:
        room = self._fitting.room(node_id)
        if self._wanted.scaling.disable_packing:
            room = min(room, 1)
        replicas = min(room, most, self._left - self._kept_back(with_one_more=True))
        if replicas > 0:
            self.spots.append(Spot(node_id, tier, len(self.spots), room, replicas))
            self._left -= replicas

    def _kept_back(self, with_one_more: bool = False) -> int:
        return max(0, fewest_nodes(self._wanted) - len(self.spots) - with_one_more)

    def _candidates(self, tier: int) -> Iterator[str]:
        """Nodes that take one, the best first."""
        rows = self._fleet.open_rows(self._wanted.tiers[tier], self._wanted)
        if not self._wanted.shuffles:
            return self._fitting.best_first(rows)
        fitting = self._fitting.in_order(rows)
        return iter(sorted(fitting, key=lambda node_id: _lot(self._wanted.deployment_id, node_id)))


def _lot(deployment_id: str, node_id: str) -> bytes:
    """An order of nodes that is the deployment's own and lasts."""
    return hashlib.sha256(f"{deployment_id}/{node_id}".encode()).digest()
