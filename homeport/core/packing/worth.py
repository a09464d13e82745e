"""What nodes are still good for: the value that a placement should lower least."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from homeport.core.packing.balance import carried
from homeport.core.packing.capacity import CPU, MEMORY
from homeport.core.packing.fragmentation import FragmentationTable
from homeport.core.packing.mix import Mix
from homeport.core.packing.shape import WHOLE, DeviceClass

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# More lets a node run out of CPU beside free devices, less leaves slivers of devices that nothing fits on.
_FRAGMENTATION_WEIGHT = 0.5
# As an array: numpy takes longer to look at a bare number than to compare with it.
_WHOLE = np.array(WHOLE)


class Worth:
    """For one mix. Arrays are [nodes, 4] (host: CPU, memory, disk, network; nothing below 0) or [nodes, devices] (free
    milli, class numbers)."""

    def __init__(self, mix: Mix, classes: Sequence[DeviceClass]) -> None:
        self.classes = len(classes)
        self._mix = mix
        self._table = FragmentationTable(mix, classes)

    def of(self, host: Floats, free: Ints, classes: Ints) -> Floats:
        """In milli of devices: what a node can carry, less half of its fragments."""
        carries = carried(np.add.reduce(free, 1), host[:, CPU], host[:, MEMORY], self._mix)
        worth: Floats = carries - _FRAGMENTATION_WEIGHT * self.fragments(host, free, classes)
        return worth

    def fragments(self, host: Floats, free: Ints, classes: Ints) -> Floats:
        """In milli of devices: what of a node's free devices typical demand can't use."""
        table = self._table
        fragments: Floats = np.add.reduce(table.weigh(table.begins(classes, host[:, CPU], _whole(free)), free), 1)
        return fragments

    def best_device(self, host: Floats, free: Ints, classes: Ints, milli: Ints, fits: Bools) -> Ints:
        """Of each node the device on which a share of `milli` leaves the least fragment. `host` is what remains."""
        table, is_whole = self._table, free == _WHOLE
        whole = np.add.reduce(is_whole, 1)
        # A share of a whole device leaves one whole device less.
        begins = table.begins(classes, host[:, CPU], whole) - is_whole * table.one_whole_less(whole)
        gain = table.weigh(begins, free) - table.weigh(begins, free - milli * fits)
        gain[~fits] = -np.inf
        best: Ints = gain.argmax(1)
        return best


def _whole(free: Ints) -> Ints:
    count: Ints = np.add.reduce(free == _WHOLE, 1)
    return count
