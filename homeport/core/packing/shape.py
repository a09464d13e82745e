"""What one replica takes of a node, and what a device is."""

from dataclasses import dataclass

from homeport.core.device_type import is_of_any_type

WHOLE = 1000


@dataclass(frozen=True, slots=True)
class DeviceClass:
    """Devices that are interchangeable to a workload. `most_sharing` replicas may be on one, at most; 0 = no limit."""

    name: str
    memory_bytes: int = 0
    most_sharing: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """CPU is thousandths of a core. Of each of its `devices` a replica takes a share: the larger of `compute_milli`
    (thousandths of the device) and the part that `device_memory_bytes` is of its memory. More than one device means
    whole ones. `types` name kinds of devices, see homeport.core.device_type; empty = any whole one."""

    cpu_milli: int = 0
    memory_bytes: int = 0
    devices: int = 0
    compute_milli: int = WHOLE
    device_memory_bytes: int = 0
    types: tuple[str, ...] = ()
    disk_bytes: int = 0
    network_mbps: int = 0

    def milli_on(self, device: DeviceClass) -> int | None:
        """Thousandths of such a device; None = it can't run there."""
        if not is_of_any_type(device.name, self.types):
            return None
        if self.device_memory_bytes > device.memory_bytes:
            return None
        # So much each, and one more than may share it finds nothing left.
        least = WHOLE // device.most_sharing if device.most_sharing else 1
        milli = max(self.compute_milli, least)
        if self.device_memory_bytes:
            milli = max(milli, -(-WHOLE * self.device_memory_bytes // device.memory_bytes))
        return WHOLE if self.devices > 1 else min(milli, WHOLE)
