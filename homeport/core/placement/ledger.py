"""Who may take what on which node, to the device."""

from collections import defaultdict
from collections.abc import Mapping

from homeport.core.packing.shape import WHOLE
from homeport.core.placement.filter import device_class
from homeport.core.placement.types import Free, Taken
from homeport.core.resources import Inventory


class Ledger:
    """What was written down for a node outlives what is known of the node."""

    def __init__(self) -> None:
        # Both ways: deployment id and node id.
        self._of: dict[str, dict[str, Taken]] = {}
        self._on: defaultdict[str, dict[str, Taken]] = defaultdict(dict)

    def of(self, deployment_id: str) -> dict[str, Taken]:
        """By node."""
        return dict(self._of.get(deployment_id, {}))

    def on(self, node_id: str) -> Mapping[str, Taken]:
        """By deployment."""
        return self._on.get(node_id, {})

    def put(self, deployment_id: str, taken: Mapping[str, Taken]) -> dict[str, Taken]:
        """By node: all that the deployment may take from now on. Returns what it was before."""
        before = self._of.pop(deployment_id, {})
        for node_id in before:
            del self._on[node_id][deployment_id]
        if taken:
            self._of[deployment_id] = dict(taken)
        for node_id, each in taken.items():
            self._on[node_id][deployment_id] = each
        return before


class Left:
    """What is left of one node, kept current by what is taken and given back."""

    def __init__(self, inventory: Inventory) -> None:
        self.classes = tuple(map(device_class, inventory.gpus))
        self._inventory = inventory
        self._cpu, self._memory, self._disk = inventory.cpu_milli, inventory.memory_bytes, inventory.disk_bytes
        self._network = inventory.network_mbps
        # By uuid; also of devices that are not there any more.
        self._devices: defaultdict[str, int] = defaultdict(int)

    def take(self, taken: Taken) -> None:
        self._cpu -= taken.cpu_milli
        self._memory -= taken.memory_bytes
        self._disk -= taken.disk_bytes
        self._network -= taken.network_mbps
        for uuid, milli in taken.devices:
            self._devices[uuid] += milli

    def give_back(self, taken: Taken) -> None:
        self._cpu += taken.cpu_milli
        self._memory += taken.memory_bytes
        self._disk += taken.disk_bytes
        self._network += taken.network_mbps
        for uuid, milli in taken.devices:
            self._devices[uuid] -= milli

    def free(self) -> Free:
        gpus = [max(0, WHOLE - self._devices.get(gpu.uuid, 0)) if gpu.is_usable else 0 for gpu in self._inventory.gpus]
        return Free(self._cpu, self._memory, self._disk, tuple(gpus), self._network)
