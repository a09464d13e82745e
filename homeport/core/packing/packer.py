"""Picks the best node for a shape, and the devices on it, and keeps count of what is free.

Shapes repeat: each keeps its scores, and only nodes that changed since it was last asked for are scored again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homeport.core.packing.capacity import FreeCapacity, NodeCapacity
from homeport.core.packing.mix import SeenShapes
from homeport.core.packing.shape import WHOLE, Shape
from homeport.core.packing.worth import Worth

Ints = NDArray[np.int64]

# Of two nodes whose scores differ by less, the first in the fixed order wins: that is what concentrates load, and a
# finer comparison packs far worse. In milli of a device.
_BUCKET = 100.0
_DOES_NOT_FIT = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Spot:
    """`devices` are indices into the node's devices; `milli` is what is taken of each."""

    node_id: str
    devices: tuple[int, ...] = ()
    milli: int = 0


@dataclass(slots=True)
class _Scores:
    """Of one shape, for all nodes. `milli` is by device class; `device` where a share would go; `as_of` a position in
    the log of changes."""

    milli: Ints
    score: Ints
    device: Ints
    as_of: int


class Packer:
    """Nodes are preferred in the order given where nothing else decides, so the order should be a lasting one.

    With `learn` each shape that is asked for counts into the mix that the next decisions are made for.
    """

    def __init__(self, nodes: Sequence[NodeCapacity], seen: SeenShapes, learn: bool = True) -> None:
        self._capacity = FreeCapacity(nodes)
        self._seen = seen
        self._learn = learn
        self._worth: Worth | None = None
        self._scores: dict[Shape, _Scores] = {}
        self._changed_rows: list[int] = []

    def place(self, shape: Shape) -> Spot | None:
        """Takes the best spot. None when there is none."""
        if not self._capacity.ids:
            return None
        if self._learn:
            self._seen.add(shape)
        if self._worth is None or (self._learn and self._seen.due):
            self._worth = Worth(self._seen.mix(), self._capacity.classes)
            self._scores.clear()
            self._changed_rows.clear()
        scores = self._current_scores(shape, self._worth)
        row = int(scores.score.argmax())
        return None if scores.score[row] == _DOES_NOT_FIT else self._take(row, shape, scores)

    def _take(self, row: int, shape: Shape, scores: _Scores) -> Spot:
        capacity = self._capacity
        devices: tuple[int, ...] = ()
        milli = 0
        if shape.devices:
            needed = scores.milli[capacity.device_class[row]]
            if shape.devices == 1:
                devices = (int(scores.device[row]),)
            else:
                devices = tuple(int(d) for d in np.flatnonzero(capacity.free[row] >= needed)[: shape.devices])
            milli = int(needed[devices[0]])
            capacity.free[row, list(devices)] -= milli
        capacity.cpu[row] -= shape.cpu_milli
        capacity.memory[row] -= shape.memory_bytes
        self._changed_rows.append(row)
        return Spot(capacity.ids[row], devices, milli)

    def _current_scores(self, shape: Shape, worth: Worth) -> _Scores:
        now = len(self._changed_rows)
        scores = self._scores.get(shape)
        if scores is None:
            scores = self._scores[shape] = self._no_scores(shape)
            self._rescore(shape, scores, worth, np.arange(len(self._capacity.ids)))
        elif scores.as_of < now:
            self._rescore(shape, scores, worth, np.unique(self._changed_rows[scores.as_of :]))
        scores.as_of = now
        return scores

    def _no_scores(self, shape: Shape) -> _Scores:
        never = WHOLE + 1
        by_class = [shape.milli_on(device) for device in self._capacity.classes]
        milli = np.array([never if each is None else each for each in by_class] + [never], dtype=np.int64)
        nodes = len(self._capacity.ids)
        return _Scores(milli, np.full(nodes, _DOES_NOT_FIT), np.zeros(nodes, dtype=np.int64), 0)

    def _rescore(self, shape: Shape, scores: _Scores, worth: Worth, rows: Ints) -> None:
        capacity = self._capacity
        cpu, memory = capacity.cpu[rows], capacity.memory[rows]
        free, classes = capacity.free[rows], capacity.device_class[rows]
        room = (cpu >= shape.cpu_milli) & (memory >= shape.memory_bytes)
        # Where there is no room the result does not count, but the tables know no negative numbers.
        cpu_after, memory_after = np.maximum(cpu - shape.cpu_milli, 0), np.maximum(memory - shape.memory_bytes, 0)
        free_after = free
        if shape.devices:
            milli = scores.milli[classes]
            fits = free >= milli
            room &= fits.sum(1) >= shape.devices
            if shape.devices == 1:
                device = worth.best_device(cpu_after, free, classes, milli, fits)
                scores.device[rows] = device
                chosen = np.zeros_like(fits)
                chosen[np.arange(len(rows)), device] = True
            else:
                chosen = fits.cumsum(1) <= shape.devices
            free_after = np.where(chosen & fits, free - milli, free)
        change = worth.of(cpu_after, memory_after, free_after, classes) - worth.of(cpu, memory, free, classes)
        scores.score[rows] = np.where(room, np.floor(change / _BUCKET), _DOES_NOT_FIT)
