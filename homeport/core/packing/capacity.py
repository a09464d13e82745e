"""Nodes' free capacity, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from homeport.core.packing.shape import WHOLE, DeviceClass


@dataclass(frozen=True, slots=True)
class NodeCapacity:
    """An empty node."""

    node_id: str
    cpu_milli: int
    memory_bytes: int
    devices: tuple[DeviceClass, ...] = ()


class FreeCapacity:
    """Row = node, in the order given; column = device. `device_class` numbers `classes`; the number after the last one
    fills rows of nodes with fewer devices. `free` is milli of each device."""

    def __init__(self, nodes: Sequence[NodeCapacity]) -> None:
        self.ids = [node.node_id for node in nodes]
        self.classes = sorted({d for node in nodes for d in node.devices}, key=lambda d: (d.name, d.memory_bytes))
        self.cpu = np.array([node.cpu_milli for node in nodes], dtype=np.int64)
        self.memory = np.array([node.memory_bytes for node in nodes], dtype=np.int64)
        width = max((len(node.devices) for node in nodes), default=0) or 1
        self.device_class = np.full((len(nodes), width), len(self.classes), dtype=np.int64)
        self.free = np.zeros((len(nodes), width), dtype=np.int64)
        numbers = {device: number for number, device in enumerate(self.classes)}
        for row, node in enumerate(nodes):
            self.device_class[row, : len(node.devices)] = [numbers[device] for device in node.devices]
            self.free[row, : len(node.devices)] = WHOLE
