"""Who may take what on which node, to the device."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

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

    def deployments(self) -> Collection[str]:
        """Those that have anything."""
        return self._of.keys()

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


class _Limits(NamedTuple):
    """`device`: milli of each."""

    cpu_milli: int
    memory_bytes: int
    disk_bytes: int
    network_mbps: int
    device: int


class Left:
    """What is left of one node, kept current by what is taken and given back. What is taken beyond minima may be taken
    again by others, until maxima add up to `overcommit` times what the node has."""

    def __init__(self, inventory: Inventory, overcommit: float = 1.0) -> None:
        self.classes = tuple(map(device_class, inventory.gpus))
        self._gpus = inventory.gpus
        self._overcommit = overcommit
        self._has = _Limits(
            inventory.cpu_milli, inventory.memory_bytes, inventory.disk_bytes, inventory.network_mbps, WHOLE
        )
        self._over = _Limits(*(int(each * overcommit) for each in self._has))
        # At maxima, and what of it is beyond minima.
        self._most, self._beyond = _Sum(), _Sum()
        # Placements that may have more than their minimum.
        self._elastic = 0

    def take(self, taken: Taken) -> None:
        self._count(taken, 1)

    def give_back(self, taken: Taken) -> None:
        self._count(taken, -1)

    def _count(self, taken: Taken, times: int) -> None:
        self._most.add(taken, times)
        if taken.least is not None:
            self._elastic += times
            self._beyond.add(taken, times)
            self._beyond.add(taken.least, -times)

    @property
    def may_be_shared(self) -> bool:
        """Whether more is left than what nobody has claimed."""
        return self._elastic > 0 and self._overcommit > 1

    def free(self) -> Free:
        """What nobody has claimed."""
        return self._unless(self._most, self._has)

    def shared(self) -> Free:
        """What one more may claim, beside minima and over the maxima of others."""
        if not self.may_be_shared:
            return self.free()
        beside, over = self._unless(self._most.without(self._beyond), self._has), self._unless(self._most, self._over)
        return Free(
            min(beside.cpu_milli, over.cpu_milli),
            min(beside.memory_bytes, over.memory_bytes),
            min(beside.disk_bytes, over.disk_bytes),
            tuple(map(min, beside.devices, over.devices)),
            min(beside.network_mbps, over.network_mbps),
        )

    def claimed(self) -> float:
        """How many times over the scarcest of what it has is claimed by all maxima together."""
        return max(self._parts(self._most))

    def expected(self) -> float:
        """The part of the scarcest that is likely to be in use."""
        idle = 1 - 1 / self._overcommit
        most, beyond = self._parts(self._most), self._parts(self._beyond)
        return max(high - idle * above for high, above in zip(most, beyond, strict=True))

    def expected_on(self, uuid: str) -> float:
        """Milli of one device that are likely to be in use: what is beyond minima is so one time in `overcommit`."""
        return self._most.devices[uuid] - (1 - 1 / self._overcommit) * self._beyond.devices[uuid]

    def _unless(self, used: "_Sum", limits: _Limits) -> Free:
        whole, taken = limits.device, used.devices
        gpus = [max(0, whole - taken.get(gpu.uuid, 0)) if gpu.is_usable else 0 for gpu in self._gpus]
        return Free(
            limits.cpu_milli - used.cpu_milli,
            limits.memory_bytes - used.memory_bytes,
            limits.disk_bytes - used.disk_bytes,
            tuple(gpus),
            limits.network_mbps - used.network_mbps,
        )

    def _parts(self, used: "_Sum") -> list[float]:
        devices = used.devices.total(), WHOLE * len(self._gpus)
        host = (used.cpu_milli, used.memory_bytes, used.disk_bytes, used.network_mbps)
        return [part / whole if whole else 0.0 for part, whole in (*zip(host, self._has[:4], strict=True), devices)]


@dataclass(slots=True)
class _Sum:
    """Of what several take. `devices` are milli by uuid; also of devices that are not there any more."""

    cpu_milli: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    network_mbps: int = 0
    devices: Counter[str] = field(default_factory=Counter)

    def add(self, taken: Taken, times: int) -> None:
        self.cpu_milli += times * taken.cpu_milli
        self.memory_bytes += times * taken.memory_bytes
        self.disk_bytes += times * taken.disk_bytes
        self.network_mbps += times * taken.network_mbps
        for uuid, milli in taken.devices:
            self.devices[uuid] += times * milli

    def without(self, other: "_Sum") -> "_Sum":
        devices = Counter({uuid: milli - other.devices[uuid] for uuid, milli in self.devices.items()})
        return _Sum(
            self.cpu_milli - other.cpu_milli,
            self.memory_bytes - other.memory_bytes,
            self.disk_bytes - other.disk_bytes,
            self.network_mbps - other.network_mbps,
            devices,
        )
