"""How much of a node's free devices its free CPU and memory can still carry, for demand of the average proportions.

A node that has run out of CPU strands its devices however well these are packed. So what a placement costs is not only
the share it takes: it's the fall of this value. A node with plenty of CPU per device loses little by a CPU-heavy
replica; one with little loses more, and is left to those that ask for little.
"""

import numpy as np
from numpy.typing import NDArray

from homeport.core.packing.mix import Mix
from homeport.core.packing.shape import WHOLE

Floats = NDArray[np.float64]

# Memory is seldom what runs out; CPU nearly always is.
_MEMORY_SLACK = 2.0
_LEAST = np.array(np.finfo(np.float64).tiny)


def carried(devices_free: Floats, cpu_free: Floats, memory_free: Floats, mix: Mix) -> Floats:
    """Milli of devices, at most `devices_free`: the harmonic minimum of what is free and what CPU and memory carry.
    0 where one of the three is used up."""
    by_cpu = cpu_free * (WHOLE / mix.cpu_milli_per_device)
    by_memory = memory_free * (WHOLE * _MEMORY_SLACK / mix.memory_bytes_per_device)
    both = by_cpu * by_memory
    product = devices_free * both
    total = both + devices_free * (by_cpu + by_memory)
    # Where the product is nothing, the total may be: any divisor does.
    result: Floats = product / np.maximum(total, _LEAST)
    return result
