"""One shape against all nodes, as they are now."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from homeport.core.packing.capacity import FreeCapacity
from homeport.core.packing.scores import DOES_NOT_FIT, ScoreTable
from homeport.core.packing.shape import Shape

Ints = NDArray[np.int64]

# A shape that asks for nothing fits so often.
_WITHOUT_END = 2**31


class Fitting:
    """Not to be used once what is free has changed."""

    def __init__(self, shape: Shape, capacity: FreeCapacity, table: ScoreTable) -> None:
        self._shape = shape
        self._capacity = capacity
        self._table = table
        self._scores = table.of(shape)

    def best_first(self, rows: Ints, bonus: Ints | None = None) -> Iterator[str]:
        """The nodes of these rows on which one more fits. Of equal ones the first in `rows` comes first, so their order
        should be a lasting one. `bonus` is added to the score of each, in buckets."""
        if not len(rows):
            return
        scores = self._scores.score.take(rows)
        if bonus is not None:
            scores = np.where(scores == DOES_NOT_FIT, DOES_NOT_FIT, scores + bonus)
        while True:
            best = int(scores.argmax())
            if scores[best] == DOES_NOT_FIT:
                return
            scores[best] = DOES_NOT_FIT
            yield self._capacity.ids[rows[best]]

    def in_order(self, rows: Ints) -> list[str]:
        """The same nodes, in the order given."""
        return [self._capacity.ids[row] for row in rows[self._scores.score[rows] != DOES_NOT_FIT]]

    def cost(self, node_id: str) -> float | None:
        """What one more replica there would take of what the fleet is good for, in devices; None = it does not fit."""
        score = int(self._scores.score[self._capacity.rows[node_id]])
        return None if score == DOES_NOT_FIT else -score / 10

    def room(self, node_id: str) -> int:
        """How many more fit."""
        row = self._capacity.rows[node_id]
        host = zip(self._capacity.host[row].tolist(), self._scores.host.tolist(), strict=True)
        limits = [int(have // need) for have, need in host if need]
        if self._shape.devices:
            each = zip(self._capacity.free[row].tolist(), self._milli(row).tolist(), strict=True)
            limits.append(sum(free // milli for free, milli in each) // self._shape.devices)
        return max(0, min(limits, default=_WITHOUT_END))

    def devices(self, node_id: str, count: int, held: Sequence[int] = ()) -> list[tuple[int, int]]:
        """(index, milli) of the devices of `count` replicas, replica after replica: those that are `held` first."""
        row = self._capacity.rows[node_id]
        milli = self._milli(row)
        free = self._capacity.free[row].copy()
        kept = list(held)
        chosen: list[tuple[int, int]] = []
        for _ in range(count * self._shape.devices):
            device = next((each for each in kept if free[each] >= milli[each]), -1)
            if device >= 0:
                kept.remove(device)
            elif self._shape.devices > 1:
                device = int((free >= milli).argmax())
            elif chosen:
                device = self._table.best_device(self._scores, row, free)
            else:
                device = int(self._scores.device[row])
            taken = int(milli[device])
            free[device] -= taken
            chosen.append((device, taken))
        return chosen

    def _milli(self, row: int) -> Ints:
        """What one replica takes of each device of the node; more than there can be where it can't run."""
        milli: Ints = self._scores.milli.take(self._capacity.device_class[row])
        return milli
