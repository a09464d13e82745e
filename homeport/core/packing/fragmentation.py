"""How much of a node's free devices what is typically asked for can't use (FGD, ATC'23), by table lookup.

For a typical shape m the fragment of a node is: all that is free when m can't run there at all (CPU short, wrong type,
too few devices), else what is free on devices with less left than m needs. The expectation over m is a sum over
devices of `free * factor`, and the factor depends only on the device's class and free share, the node's free CPU and
its number of wholly free devices: so it's a table, made once per mix.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from homeport.core.packing.capacity import NO_DEVICE
from homeport.core.packing.mix import Mix
from homeport.core.packing.shape import WHOLE, DeviceClass

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class FragmentationTable:
    """`classes` are the device classes by number; number 0 stands for "no device here"."""

    def __init__(self, mix: Mix, classes: Sequence[DeviceClass]) -> None:
        self._cpu_steps = np.array(sorted({shape.cpu_milli for shape, _ in mix.typical}), dtype=np.float64)
        # Wholly free devices matter only to shapes that want several, and only up to as many.
        most_whole = max((shape.devices for shape, _ in mix.typical if shape.devices > 1), default=0)
        # Between two sizes that are asked for, a device's free share makes no difference: few levels keep it small.
        sizes = sorted({milli for shape, _ in mix.typical for device in classes if (milli := shape.milli_on(device))})
        self._levels = np.array(sizes, dtype=np.int64).searchsorted(np.arange(WHOLE + 1), side="right")
        factors = np.zeros((len(classes), len(self._cpu_steps) + 1, most_whole + 1, len(sizes) + 1))
        for number, device in enumerate(classes):
            if number == NO_DEVICE:
                continue
            factors[number, 0] = 1.0
            for shape, share in mix.typical:
                milli = shape.milli_on(device) if shape.devices else None
                if milli is None:
                    continue
                # From this much CPU on, and this many whole devices, only what is too small for it is lost to it.
                step = int(self._cpu_steps.searchsorted(shape.cpu_milli)) + 1
                fewest = shape.devices if shape.devices > 1 else 0
                factors[number, step, fewest:, self._levels[milli] :] -= share
        self._factors = factors.cumsum(1).ravel()
        first, second, third = (int(np.prod(factors.shape[axis + 1 :])) for axis in range(3))
        # What each part of the place in `factors` adds, as tables: looking up is cheaper than reckoning.
        self._of_class = np.arange(len(classes)) * first
        self._of_step = np.arange(len(self._cpu_steps) + 1) * second
        # Their ends stand for all that is more.
        self._of_whole = np.minimum(np.arange(most_whole + 2), most_whole) * third
        self._one_less = np.diff(self._of_whole, prepend=0)

    def begins(self, classes: Ints, cpu_free: Floats, whole: Ints) -> Ints:
        """Where the factors of these nodes' devices begin: [nodes, devices], for `weigh`. The others are [nodes]."""
        steps = self._cpu_steps.searchsorted(cpu_free, side="right")
        of_node = self._of_step.take(steps) + self._of_whole.take(whole, mode="clip")
        begins: Ints = self._of_class.take(classes) + of_node[:, None]
        return begins

    def one_whole_less(self, whole: Ints) -> Ints:
        """How much earlier the factors begin with one wholly free device less than `whole`: [nodes, 1]."""
        less: Ints = self._one_less.take(whole, mode="clip")[:, None]
        return less

    def weigh(self, begins: Ints, free: Ints) -> Floats:
        """The fragment of each device, in milli of a device: [nodes, devices]."""
        weights: Floats = self._factors.take(begins + self._levels.take(free)) * free
        return weights
