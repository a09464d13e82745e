"""Nodes' free capacity, as columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homeport.core.packing.shape import DeviceClass, Shape

NO_DEVICE = 0
_FEWEST_ROWS = 16


@dataclass(frozen=True, slots=True)
class NodeCapacity:
    """What is free on a node. `free` is milli of each of `devices`; less than nothing of the others = more was given
    away than the node has now."""

    node_id: str
    cpu_milli: int
    memory_bytes: int
    devices: tuple[DeviceClass, ...] = ()
    free: tuple[int, ...] = ()
    disk_bytes: int = 0
    network_mbps: int = 0


CPU, MEMORY, DISK, NETWORK = range(4)


def demand(shape: Shape) -> NDArray[np.float64]:
    """What it takes of `FreeCapacity.host`."""
    return np.array([shape.cpu_milli, shape.memory_bytes, shape.disk_bytes, shape.network_mbps], dtype=np.float64)


class FreeCapacity:
    """Row = node. `host` is [nodes, 4]: CPU, MEMORY, DISK, NETWORK. `free` and `device_class` are [nodes, devices]:
    milli of each device, and the number of its class in `classes`; NO_DEVICE fills rows of nodes with fewer devices.
    Rows that are alike in all of that, but for the network, have the same `likeness`: they are worth the same. Rows of
    nodes that are gone have nothing free, until they are used again.
    """

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.ids: list[str] = []
        # Number 0 stands for no device.
        self.classes: list[DeviceClass] = [DeviceClass("")]
        # Whole numbers, exact in 53 bits.
        self.host = np.zeros((_FEWEST_ROWS, 4))
        self.device_class = np.full((_FEWEST_ROWS, 1), NO_DEVICE, dtype=np.int64)
        self.free = np.zeros((_FEWEST_ROWS, 1), dtype=np.int64)
        # Whether there was a node with devices of several classes.
        self.mixes_classes = False
        # A hash of 64 bits: that two differ and share it is not to be expected.
        self.likeness = np.zeros(_FEWEST_ROWS, dtype=np.int64)
        self._class_numbers: dict[DeviceClass, int] = {}
        self._devices: dict[int, tuple[DeviceClass, ...]] = {}
        # Hashes of the class numbers.
        self._kinds: dict[int, int] = {}
        self._vacant: list[int] = []

    def put(self, node: NodeCapacity) -> int:
        """Adds the node or replaces what is known of it. Returns its row."""
        row = self.rows.get(node.node_id)
        if row is None:
            row = self.rows[node.node_id] = self._new_row(node.node_id)
        count = len(node.devices)
        if count > self.free.shape[1]:
            self._widen(count)
        self.host[row] = node.cpu_milli, node.memory_bytes, node.disk_bytes, node.network_mbps
        if self._devices.get(row) is not node.devices:
            numbers = tuple(map(self._class_number, node.devices))
            self._devices[row], self._kinds[row] = node.devices, hash(numbers)
            self.mixes_classes |= len(set(numbers)) > 1
            self.device_class[row] = NO_DEVICE
            self.device_class[row, :count] = numbers
            self.free[row] = 0
        if count:
            self.free[row, :count] = node.free
        self.likeness[row] = hash((node.cpu_milli, node.memory_bytes, node.disk_bytes, node.free, self._kinds[row]))
        return row

    def remove(self, node_id: str) -> int:
        """Returns the row that it had."""
        row = self.rows.pop(node_id)
        self.host[row] = -1
        self.free[row] = 0
        self._devices.pop(row, None)
        self._vacant.append(row)
        return row

    def _new_row(self, node_id: str) -> int:
        if self._vacant:
            row = self._vacant.pop()
            self.ids[row] = node_id
            return row
        self.ids.append(node_id)
        if len(self.ids) > len(self.host):
            for name in ("host", "device_class", "free", "likeness"):
                column = getattr(self, name)
                setattr(self, name, np.concatenate([column, np.zeros_like(column)]))
        return len(self.ids) - 1

    def _widen(self, width: int) -> None:
        missing = ((0, 0), (0, width - self.free.shape[1]))
        self.free = np.pad(self.free, missing)
        self.device_class = np.pad(self.device_class, missing, constant_values=NO_DEVICE)

    def _class_number(self, device: DeviceClass) -> int:
        number = self._class_numbers.get(device)
        if number is None:
            number = self._class_numbers[device] = len(self.classes)
            self.classes.append(device)
        return number
