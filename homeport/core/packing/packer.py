"""All nodes' free capacity, and which of them a shape fits best. It keeps no account of who has what."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from homeport.core.packing.capacity import FreeCapacity, NodeCapacity
from homeport.core.packing.fitting import Fitting
from homeport.core.packing.mix import SeenShapes
from homeport.core.packing.scores import ScoreTable
from homeport.core.packing.shape import Shape

Ints = NDArray[np.int64]


class Packer:
    """What is typically asked for is learned from `asked_for`."""

    def __init__(self) -> None:
        self._capacity = FreeCapacity()
        self._seen = SeenShapes()
        self._scores = ScoreTable(self._capacity, self._seen)

    def put(self, node: NodeCapacity) -> None:
        """A new node, or what is free on a known one now."""
        self._scores.changed(self._capacity.put(node))

    def remove(self, node_id: str) -> None:
        self._scores.changed(self._capacity.remove(node_id))

    def row(self, node_id: str) -> int:
        """For as long as the node is here."""
        return self._capacity.rows[node_id]

    def asked_for(self, shape: Shape, count: int = 1) -> None:
        """So many replicas of it were asked for, whether they find a place or not."""
        self._seen.add(shape, count)

    def free(self, node_ids: Sequence[str]) -> Ints:
        """[nodes, devices]: milli of each; 0 where a node has fewer."""
        free: Ints = self._capacity.free.take(self._rows(node_ids), 0)
        return free

    def fragments(self, node_ids: Sequence[str]) -> float:
        """Milli of their free devices that typical demand can't use."""
        return self._scores.fragments(self._rows(node_ids))

    def fit(self, shape: Shape) -> Fitting:
        return Fitting(shape, self._capacity, self._scores)

    def _rows(self, node_ids: Sequence[str]) -> Ints:
        return np.array([self.row(node_id) for node_id in node_ids], dtype=np.int64)
