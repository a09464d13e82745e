"""Finding other nodes for placements that are to leave one."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from homeport.core.packing.shape import WHOLE
from homeport.core.placement.filter import bar, shape_of
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.place import shares_on, taken_by
from homeport.core.placement.types import Candidate, Taken, Wanted
from homeport.core.rebalance.types import Movable, Move

# Nodes that are looked at for one placement, the best first.
_MOST_TARGETS = 24

Suits = Callable[[str], bool]


class Relocation:
    """Placements that were taken elsewhere in the fleet's ledger, for good or until `undo`."""

    def __init__(self, fleet: Fleet) -> None:
        self.moves: list[Move] = []
        self._fleet = fleet
        self._before: dict[str, dict[str, Taken]] = {}

    def relocate(self, leaving: Sequence[Movable], suits: Suits, breaks_whole: bool) -> bool:
        """All of them, or none: then False. Each goes to the best node of its nodepool that `suits`, has nothing of its
        deployment, and no fewer of the labels that it prefers. Only with `breaks_whole` a share may go to a GPU of
        which nobody has a share yet."""
        # The largest first: they have the least choice.
        for each in sorted(leaving, key=lambda each: (-_size(each), each.key)):
            if not self._relocate(each, suits, breaks_whole):
                self.undo()
                return False
        return True

    def undo(self) -> None:
        for deployment_id, taken in self._before.items():
            self._fleet.take(deployment_id, taken)
        self._before.clear()
        self.moves.clear()

    def _relocate(self, movable: Movable, suits: Suits, breaks_whole: bool) -> bool:
        fleet, wanted = self._fleet, movable.wanted
        taken = fleet.taken(wanted.deployment_id)
        fitting = fleet.packer.fit(shape_of(wanted.needs))
        for node_id in self._open_to(movable):
            if node_id in taken or not suits(node_id) or fitting.room(node_id) < movable.replicas:
                continue
            shares = shares_on(fleet, fitting, node_id, movable.replicas) if wanted.needs.accelerators else ()
            there = taken_by(wanted.needs, movable.least, movable.replicas, shares)
            if not breaks_whole and _breaks_whole(fleet, node_id, there):
                continue
            self._before.setdefault(wanted.deployment_id, taken)
            left = {id: each for id, each in taken.items() if id != movable.node_id}
            fleet.take(wanted.deployment_id, {**left, node_id: there})
            self.moves.append(Move(wanted.deployment_id, movable.node_id, node_id, movable.replicas))
            return True
        return False

    def _open_to(self, movable: Movable) -> Iterator[str]:
        fleet, wanted = self._fleet, movable.wanted
        here = fleet.node(movable.node_id)
        rows = fleet.open_rows((here.nodepool,), wanted)
        fitting = fleet.packer.fit(shape_of(wanted.needs))
        best = islice(fitting.best_first(rows, fleet.bonus((here.nodepool,), rows, wanted)), _MOST_TARGETS)
        least = _preferred(here, wanted)
        for node in map(fleet.node, best):
            if bar(node, wanted, None) is None and _preferred(node, wanted) >= least:
                yield node.node_id


def _preferred(node: Candidate, wanted: Wanted) -> int:
    return sum(term.matches(node.node_labels) for term in wanted.affinity.prefer)


def _size(movable: Movable) -> int:
    needs = movable.wanted.needs
    return movable.replicas * needs.accelerators * needs.accelerator_milli


def _breaks_whole(fleet: Fleet, node_id: str, taken: Taken) -> bool:
    free = fleet.free(node_id).devices
    left = {gpu.uuid: milli for gpu, milli in zip(fleet.node(node_id).inventory.gpus, free, strict=True)}
    return any(milli < WHOLE == left[uuid] for uuid, milli in taken.devices)
