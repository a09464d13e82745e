"""What nodes are still good for: the value that a placement should lower least."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from homeport.core.packing.balance import carried
from homeport.core.packing.fragmentation import FragmentationTable
from homeport.core.packing.mix import Mix
from homeport.core.packing.shape import WHOLE, DeviceClass

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# More lets a node run out of CPU beside free devices, less leaves slivers of devices that nothing fits on.
_FRAGMENTATION_WEIGHT = 0.5


class Worth:
    """For one mix. Arrays are [nodes] (cpu, memory) or [nodes, devices] (free milli, class numbers)."""

    def __init__(self, mix: Mix, classes: Sequence[DeviceClass]) -> None:
        self._mix = mix
        self._table = FragmentationTable(mix, classes)

    def of(self, cpu: Ints, memory: Ints, free: Ints, classes: Ints) -> Floats:
        """In milli of devices: what a node can carry, less half of its fragments."""
        fragments = self._table.weigh(self._table.begins(classes, cpu, _whole(free)), free).sum(1)
        carries = carried(free.sum(1).astype(float), cpu.astype(float), memory.astype(float), self._mix)
        worth: Floats = carries - _FRAGMENTATION_WEIGHT * fragments
        return worth

    def best_device(self, cpu: Ints, free: Ints, classes: Ints, milli: Ints, fits: Bools) -> Ints:
        """Of each node the device on which a share of `milli` leaves the least fragment. `cpu` is what is free then."""
        whole = _whole(free)
        kept = self._table.begins(classes, cpu, whole)
        broken = self._table.begins(classes, cpu, np.maximum(whole - 1, 0))
        begins = np.where(free == WHOLE, broken, kept)
        gain = self._table.weigh(begins, free) - self._table.weigh(begins, np.where(fits, free - milli, 0))
        best: Ints = np.where(fits, gain, -np.inf).argmax(1)
        return best


def _whole(free: Ints) -> Ints:
    count: Ints = (free == WHOLE).sum(1)
    return count
