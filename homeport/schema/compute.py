"""What a replica needs, or a machine has. Kubernetes quantities."""

from dataclasses import replace
from typing import Any

from homeport.core.quantity import parse_bytes, parse_cpu_milli
from homeport.core.resources import ComputeNeeds
from homeport.schema.base import ApiModel, inherited
from homeport.schema.quantities import Cpu, Size


class ComputeInfo(ApiModel):
    """`cpu_limit` and the others without `requests` are what is reserved, and what a replica is held to."""

    cpu_limit: Cpu = inherited(default="0")
    cpu_memory: Size = inherited(default="0")
    cpu_requests: Cpu = inherited(default="0", recorded=True)
    cpu_memory_requests: Size = inherited(default="0", recorded=True)
    num_accelerators: int = inherited(default=0, ge=0, le=64)
    accelerator_type: list[str] = inherited(default_factory=list, max_length=32)
    """Names or patterns such as `NVIDIA-*`; empty = any."""
    accelerator_memory: Size = inherited(default="0")
    """Of each accelerator, at least."""
    accelerator_topology: list[str] = inherited(default_factory=list, max_length=32, recorded=True)

    def to_core(self) -> ComputeNeeds:
        return ComputeNeeds(
            cpu_milli=parse_cpu_milli(self.cpu_limit),
            memory_bytes=parse_bytes(self.cpu_memory),
            accelerators=self.num_accelerators,
            accelerator_types=tuple(self.accelerator_type),
            accelerator_memory_bytes=parse_bytes(self.accelerator_memory),
        )


class ComputeOverride(ApiModel):
    """What one deployment's replicas get instead of what the model version says. Null = as the version says."""

    cpu_limit: Cpu | None = inherited(default=None)
    cpu_memory: Size | None = inherited(default=None)
    num_accelerators: int | None = inherited(default=None, ge=0, le=64)
    accelerator_type: list[str] | None = inherited(default=None, max_length=32)
    accelerator_memory: Size | None = inherited(default=None)
    storage: Size | None = inherited(default=None, recorded=True)
    """Disk for each replica."""
    network_bandwidth_mbps: int | None = inherited(default=None, ge=1, le=10_000_000, recorded=True)
    """Megabits per second for each replica."""

    def over(self, needs: ComputeNeeds) -> ComputeNeeds:
        given: dict[str, Any] = {}
        if self.cpu_limit is not None:
            given["cpu_milli"] = parse_cpu_milli(self.cpu_limit)
        if self.cpu_memory is not None:
            given["memory_bytes"] = parse_bytes(self.cpu_memory)
        if self.num_accelerators is not None:
            given["accelerators"] = self.num_accelerators
        if self.accelerator_type is not None:
            given["accelerator_types"] = tuple(self.accelerator_type)
        if self.accelerator_memory is not None:
            given["accelerator_memory_bytes"] = parse_bytes(self.accelerator_memory)
        return replace(needs, **given)
