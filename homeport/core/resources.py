"""What a host has and what a replica needs. Sizes are bytes, CPU is thousandths of a core."""

from dataclasses import dataclass, field

# Replicas on one GPU, where a host limits them: beyond this, thousandths are too coarse to tell one more from enough.
MOST_SHARING = 31


@dataclass(frozen=True, slots=True)
class Gpu:
    uuid: str
    name: str
    memory_bytes: int
    memory_used_bytes: int = 0
    pci_bus_id: str = ""
    utilization_percent: int = 0
    compute_capability: str = ""
    # Empty while healthy.
    problem: str = ""
    # Why it gets no replicas until it is cleared, though it may answer; since when (unix seconds on the agent's clock).
    quarantine: str = ""
    quarantined_at: float = 0.0
    # Of a slice of a partitioned GPU (MIG): its profile, such as 3g.40gb, and the GPU that it is cut from.
    mig_profile: str = ""
    parent_uuid: str = ""
    # How many replicas may share it, at most; 0 = as many as their shares allow.
    most_sharing: int = 0

    @property
    def is_usable(self) -> bool:
        return not self.problem and not self.quarantine


@dataclass(frozen=True, slots=True)
class Inventory:
    """One host, as its agent found it. `problems` says what could not be probed.

    `cuda_version` is the newest that the NVIDIA driver serves. `network_mbps` is megabits per second, 0 = not known.
    `labels` are those that its administrator gave it. `images` are some that its container engine has already; `engine`
    is that engine's name and version, and `engine_gpu_obstacle` why it can give containers no GPUs.
    """

    hostname: str
    architecture: str = ""
    operating_system: str = ""
    cpu_model: str = ""
    cpu_milli: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0
    disk_free_bytes: int = 0
    gpus: tuple[Gpu, ...] = ()
    nvidia_driver_version: str = ""
    drivers: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    cuda_version: str = ""
    network_mbps: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    engine: str = ""
    engine_gpu_obstacle: str = ""


@dataclass(frozen=True, slots=True)
class ComputeNeeds:
    """What one replica needs. `accelerator_types` name kinds of devices, see homeport.core.device_type; empty = any.
    `accelerator_milli` below 1000 is a share of a single device: thousandths of its compute, and of its memory unless
    `accelerator_memory_bytes` asks for more."""

    cpu_milli: int = 0
    memory_bytes: int = 0
    accelerators: int = 0
    accelerator_types: tuple[str, ...] = field(default=())
    accelerator_memory_bytes: int = 0
    accelerator_milli: int = 1000
    disk_bytes: int = 0
    network_mbps: int = 0


@dataclass(frozen=True, slots=True)
class DeviceShare:
    """A part of one GPU, never split over two. A whole device has all of its memory and 1000 compute_milli."""

    gpu_uuid: str
    memory_bytes: int
    compute_milli: int = 1000
