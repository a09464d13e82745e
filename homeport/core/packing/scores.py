"""What each node would lose by one more replica of a shape.

Shapes repeat: each keeps its scores, and only nodes that changed since it was last asked for are scored again.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homeport.core.packing.capacity import FreeCapacity, demand
from homeport.core.packing.mix import SeenShapes
from homeport.core.packing.shape import WHOLE, Shape
from homeport.core.packing.worth import Worth

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Of two nodes whose scores differ by less, the first in the fixed order wins: that is what concentrates load, and a
# finer comparison packs far worse. In milli of a device.
_BUCKET = 100.0
DOES_NOT_FIT = int(np.iinfo(np.int64).min)
# So many rows are weighed faster than it takes to find those that are alike.
_FEW = 64
# Shapes whose scores are kept: those that were asked for last.
_MOST_SHAPES = 256


@dataclass(slots=True)
class Scores:
    """Of one shape. `host` and `milli` are what it takes of a node and of a device, by class number; `score` and
    `device` (where a share would go) are by row; `as_of` is the number of changes that they have seen."""

    host: Floats
    milli: Ints
    score: Ints
    device: Ints
    as_of: int = 0


class ScoreTable:
    """Of all shapes. Tell it of every row that changes."""

    def __init__(self, capacity: FreeCapacity, seen: SeenShapes) -> None:
        self._capacity = capacity
        self._seen = seen
        self._worth: Worth | None = None
        self._by_shape: dict[Shape, Scores] = {}
        # Of each row, the number of its last change; they are counted from 1.
        self._changed = np.zeros(0, dtype=np.int64)
        self._changes = 0

    def changed(self, row: int) -> None:
        missing = len(self._capacity.host) - len(self._changed)
        if missing:
            self._changed = np.pad(self._changed, (0, missing))
        self._changes += 1
        self._changed[row] = self._changes

    def of(self, shape: Shape) -> Scores:
        """As the nodes are now."""
        worth = self._current_worth()
        scores = self._by_shape.pop(shape, None)
        if scores is None or len(scores.score) < len(self._capacity.host):
            if len(self._by_shape) >= _MOST_SHAPES:
                del self._by_shape[next(iter(self._by_shape))]
            scores = self._unscored(shape)
        if scores.as_of < self._changes:
            self._score(shape, scores, worth)
        self._by_shape[shape] = scores
        return scores

    def fragments(self, rows: Ints) -> float:
        """Milli of these nodes' devices that are free and that typical demand can't use."""
        capacity = self._capacity
        host = np.maximum(capacity.host.take(rows, 0), 0)
        free, classes = capacity.free.take(rows, 0), capacity.device_class.take(rows, 0)
        return float(self._current_worth().fragments(host, free, classes).sum())

    def best_device(self, scores: Scores, row: int, free: Ints) -> int:
        """Where one more share goes on a node of which `free` milli of each device are left."""
        worth, classes = self._current_worth(), self._capacity.device_class[row]
        milli = scores.milli[classes]
        host = np.maximum(self._capacity.host[row : row + 1] - scores.host, 0)
        return int(worth.best_device(host, free[None], classes[None], milli[None], (free >= milli)[None])[0])

    def _current_worth(self) -> Worth:
        capacity = self._capacity
        outdated = self._worth is None or self._worth.classes != len(capacity.classes) or self._seen.due
        if outdated:
            self._worth = Worth(self._seen.mix(), capacity.classes)
            self._by_shape.clear()
        assert self._worth is not None
        return self._worth

    def _unscored(self, shape: Shape) -> Scores:
        never = WHOLE + 1
        by_class = [shape.milli_on(device) for device in self._capacity.classes[1:]]
        milli = np.array([never, *(never if each is None else each for each in by_class)], dtype=np.int64)
        rows = len(self._capacity.host)
        return Scores(demand(shape), milli, np.full(rows, DOES_NOT_FIT), np.zeros(rows, dtype=np.int64))

    def _score(self, shape: Shape, scores: Scores, worth: Worth) -> None:
        """Only where there is room anything is to be weighed; of many nodes, only one of those that are alike."""
        capacity = self._capacity
        rows = (self._changed > scores.as_of).nonzero()[0]
        scores.as_of = self._changes
        scores.score[rows] = DOES_NOT_FIT
        rows = self._with_room(shape, scores, rows)
        if not len(rows):
            return
        if len(rows) <= _FEW:
            scores.score[rows], scores.device[rows] = self._weighed(shape, scores, worth, rows)
            return
        _, first, alike = np.unique(capacity.likeness.take(rows), return_index=True, return_inverse=True)
        score, device = self._weighed(shape, scores, worth, rows.take(first))
        scores.score[rows], scores.device[rows] = score.take(alike), device.take(alike)

    def _with_room(self, shape: Shape, scores: Scores, rows: Ints) -> Ints:
        capacity = self._capacity
        room = np.logical_and.reduce(capacity.host.take(rows, 0) >= scores.host, 1)
        if shape.devices:
            fits = capacity.free.take(rows, 0) >= scores.milli.take(capacity.device_class.take(rows, 0))
            room &= np.add.reduce(fits, 1) >= shape.devices
        return rows[room]

    def _weighed(self, shape: Shape, scores: Scores, worth: Worth, rows: Ints) -> tuple[Ints, Ints]:
        """Score and device of rows that have room."""
        capacity = self._capacity
        host, free = capacity.host.take(rows, 0), capacity.free.take(rows, 0)
        classes = capacity.device_class.take(rows, 0)
        left, device = host - scores.host, np.zeros_like(rows)
        if shape.devices:
            milli = scores.milli.take(classes)
            fits = free >= milli
            if shape.devices == 1:
                # Of whole devices of one class one is as good as another.
                any_does = shape.compute_milli >= WHOLE and not capacity.mixes_classes
                device = fits.argmax(1) if any_does else worth.best_device(left, free, classes, milli, fits)
                fits &= _only(device, fits.shape[1])
            else:
                fits &= fits.cumsum(1) <= shape.devices
            devices_left = free - milli * fits
        else:
            devices_left = free
        both = worth.of(
            np.concatenate((left, host)), np.concatenate((devices_left, free)), np.concatenate((classes, classes))
        )
        change = both[: len(rows)] - both[len(rows) :]
        return np.floor(change / _BUCKET).astype(np.int64), device


def _only(device: Ints, width: int) -> NDArray[np.bool_]:
    """[nodes, devices]: True at each node's device."""
    only: NDArray[np.bool_] = device[:, None] == np.arange(width)
    return only
