"""What is asked for: learned from the shapes seen so far."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from homeport.core.packing.shape import WHOLE, Shape

# The rare rest says little about what comes next, and costs as much to look at.
_COVERED = 0.95


@dataclass(frozen=True, slots=True)
class Mix:
    """`typical` shapes, most important first, with their shares (which add up to 1). `cpu_milli_per_device` and
    `memory_bytes_per_device`: what goes with one whole device on average, shapes without devices included."""

    typical: tuple[tuple[Shape, float], ...]
    cpu_milli_per_device: float
    memory_bytes_per_device: float


class SeenShapes:
    """Counts shapes. A mix is worth making anew when the number seen has doubled."""

    def __init__(self, shapes: Iterable[Shape] = ()) -> None:
        self._counts = Counter(shapes)
        self._total = self._counts.total()
        self._next_mix_at = 1

    def add(self, shape: Shape, count: int = 1) -> None:
        self._counts[shape] += count
        self._total += count

    @property
    def due(self) -> bool:
        return self._total >= self._next_mix_at

    def mix(self) -> Mix:
        """A shape weighs as many times as it was asked for, and as many devices as it wants: those that need a whole
        node are rare, and the first to find no place."""
        self._next_mix_at = 2 * self._total
        weights = Counter({shape: count * max(1, shape.devices) for shape, count in self._counts.items()})
        typical: list[tuple[Shape, int]] = []
        covered = 0
        for shape, weight in weights.most_common():
            typical.append((shape, weight))
            covered += weight
            if covered >= _COVERED * weights.total():
                break
        devices = sum(count * _whole_devices(shape) for shape, count in self._counts.items()) or 1.0
        return Mix(
            tuple((shape, weight / covered) for shape, weight in typical),
            max(1.0, sum(count * shape.cpu_milli for shape, count in self._counts.items()) / devices),
            max(1.0, sum(count * shape.memory_bytes for shape, count in self._counts.items()) / devices),
        )


def _whole_devices(shape: Shape) -> float:
    return shape.devices * (1.0 if shape.devices > 1 else min(shape.compute_milli, WHOLE) / WHOLE)
