"""Which nodes a deployment goes to, and how many replicas each gets of its maximum."""

import hashlib
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

from homeport.core.packing.fitting import Fitting
from homeport.core.placement.filter import bar
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.types import Wanted


@dataclass(slots=True)
class Spot:
    """A node, of which `room` replicas fit beside what others have at their maxima, and `shared` over them. `tier` and
    `order` make its rank. `place` is what a minimum is spread over: the node itself, or its cluster."""

    node_id: str
    place: str
    tier: int
    order: int
    room: int
    shared: int
    replicas: int = 0


def fewest_places(wanted: Wanted) -> int:
    """A minimum of two or more leaves one for a second node, or cluster: the death of one is no outage."""
    if wanted.scaling.min_replicas < 2:
        return 1
    return min(2, len({_cluster_of(pool) for pool in wanted.nodepools})) if wanted.over_clusters else 2


def _cluster_of(pool: str) -> str:
    return pool.partition("/")[0]


def hand_out(wanted: Wanted, fleet: Fleet, fitting: Fitting, sharing: Fitting) -> list[Spot]:
    """By rank: as much as fits per node, what is held before what is new. What others may have beyond their minima is
    claimed once more only for what finds no place otherwise."""
    handing = _Handing(wanted, fleet, fitting, sharing)
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
    if fleet.has_shareable:
        handing.share()
    handing.grow(to_the_last=True)
    handing.grow(to_the_last=True, shared=True)
    if wanted.capped:
        handing.uncap()
    return sorted(handing.spots, key=lambda spot: (spot.tier, spot.order))


class _Handing:
    def __init__(self, wanted: Wanted, fleet: Fleet, fitting: Fitting, sharing: Fitting) -> None:
        self.spots: list[Spot] = []
        self._wanted = wanted
        self._fleet = fleet
        self._fitting = fitting
        self._sharing = sharing
        self._left = wanted.scaling.max_replicas
        self._held = {held.node_id for held in wanted.held}
        self._fewest_places = fewest_places(wanted)
        self._places: set[str] = set()
        self._capped = wanted.capped

    def keep(self, tier: int) -> None:
        """What the deployment holds in this tier already, as far as it still may."""
        for held in self._wanted.held:
            node = self._fleet.get(held.node_id)
            if node is not None and node.nodepool in self._wanted.tiers[tier] and not bar(node, self._wanted, held):
                self._try(node.node_id, tier, held.max_replicas, shared=True)

    def find(self, tier: int) -> None:
        """New nodes, as long as something is left to hand out."""
        wanted = self._wanted
        if not wanted.over_clusters:
            self._find_in(wanted.tiers[tier], tier)
            return
        for in_new_cluster in (False, True):
            pools = wanted.tiers[tier]
            if in_new_cluster or self._left <= self._kept_back():
                pools = tuple(pool for pool in pools if _cluster_of(pool) not in self._places)
            self._find_in(pools, tier)

    def _find_in(self, pools: tuple[str, ...], tier: int) -> None:
        if self._left and pools:
            self._take(self._candidates(pools), self._held, tier)

    def share(self) -> None:
        """The same where it takes claiming once more what others may have."""
        self.grow(shared=True)
        for tier, pools in enumerate(self._wanted.tiers):
            if self._left:
                had = self._held.union(spot.node_id for spot in self.spots)
                self._take(self._fleet.shareable(pools, self._wanted), had, tier, shared=True)

    def uncap(self) -> None:
        """What nobody else has room for goes back to nodes that are crowded, those that it had first."""
        capped, self._capped = self._capped, {}
        if not self._left:
            return
        for spot in self.spots:
            spot.room, spot.shared = self._rooms(spot.node_id)
        self.grow(to_the_last=True, shared=True)
        had = {spot.node_id for spot in self.spots}
        held = {held.node_id: held for held in self._wanted.held}
        for tier, pools in enumerate(self._wanted.tiers):
            for node_id in sorted(capped, key=lambda id: (id not in held, id)):
                node = self._fleet.get(node_id)
                if node is None or node.nodepool not in pools or node_id in had or not self._left:
                    continue
                if not bar(node, self._wanted, held.get(node_id)):
                    self._try(node_id, tier, self._left, shared=True)

    def grow(self, to_the_last: bool = False, shared: bool = False) -> None:
        """More on nodes that have been taken; `to_the_last`: also what was kept for a second node that there is not."""
        if not self._left or (self._wanted.spreads and not to_the_last):
            return
        while True:
            left = self._left if to_the_last else self._left - self._kept_back()
            growing = [spot for spot in self.spots if spot.replicas < (spot.shared if shared else spot.room)]
            if left <= 0 or not growing:
                return
            for spot in growing:
                room = (spot.shared if shared else spot.room) - spot.replicas
                more = max(0, min(1 if self._wanted.spreads else left, left, room))
                spot.replicas += more
                self._left -= more
                left -= more

    def _take(self, node_ids: Iterable[str], had: Set[str], tier: int, shared: bool = False) -> None:
        wanted = self._wanted
        most = 1 if wanted.spreads else self._left
        for node_id in node_ids:
            if not (
                node_id in had or node_id in wanted.refused or node_id in wanted.apart or node_id in wanted.evicted
            ):
                self._try(node_id, tier, most, shared)
                if not self._left or (wanted.over_clusters and self._left <= self._kept_back()):
                    return

    def _try(self, node_id: str, tier: int, most: int, shared: bool = False) -> None:
        room, over = self._rooms(node_id)
        place = self._fleet.node(node_id).cluster if self._wanted.over_clusters else node_id
        replicas = min(over if shared else room, most, self._left - self._kept_back(beside=place))
        if replicas > 0:
            self.spots.append(Spot(node_id, place, tier, len(self.spots), room, over, replicas))
            self._places.add(place)
            self._left -= replicas

    def _rooms(self, node_id: str) -> tuple[int, int]:
        """How many replicas fit, beside others' maxima and over them."""
        room = over = self._fitting.room(node_id)
        if self._fleet.may_share(node_id):
            over = max(room, self._sharing.room(node_id))
        if self._wanted.scaling.disable_packing:
            room, over = min(room, 1), min(over, 1)
        cap = self._capped.get(node_id) if self._capped else None
        return (room, over) if cap is None else (min(room, cap), min(over, cap))

    def _kept_back(self, beside: str = "") -> int:
        """Replicas that are for places yet to be found, `beside` one more."""
        places = len(self._places) + (bool(beside) and beside not in self._places)
        return max(0, self._fewest_places - places)

    def _candidates(self, pools: tuple[str, ...]) -> Iterator[str]:
        """Nodes that take one, the best first."""
        rows = self._fleet.open_rows(pools, self._wanted)
        if not self._wanted.shuffles:
            return self._fitting.best_first(rows, self._fleet.bonus(pools, rows, self._wanted))
        fitting = self._fitting.in_order(rows)
        return iter(sorted(fitting, key=lambda node_id: _lot(self._wanted.deployment_id, node_id)))


def _lot(deployment_id: str, node_id: str) -> bytes:
    """An order of nodes that is the deployment's own and lasts."""
    return hashlib.sha256(f"{deployment_id}/{node_id}".encode()).digest()
