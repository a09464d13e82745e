"""What a replica needs, or a machine has. Kubernetes quantities."""

import math
from dataclasses import replace
from typing import Any

from pydantic import model_validator

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
    accelerator_share: float = inherited(default=1.0, ge=0.001, le=1)
    """Below 1: so much of the compute of a single accelerator, and of its memory unless `accelerator_memory` asks for
    more. The rest is left to others."""
    accelerator_topology: list[str] = inherited(default_factory=list, max_length=32, recorded=True)

    @model_validator(mode="after")
    def _shares_one_accelerator(self) -> "ComputeInfo":
        check_share(self.num_accelerators, self.accelerator_share)
        return self

    def to_core(self) -> ComputeNeeds:
        return ComputeNeeds(
            cpu_milli=parse_cpu_milli(self.cpu_limit),
            memory_bytes=parse_bytes(self.cpu_memory),
            accelerators=self.num_accelerators,
            accelerator_types=tuple(self.accelerator_type),
            accelerator_memory_bytes=parse_bytes(self.accelerator_memory),
            accelerator_milli=milli_of(self.accelerator_share),
        )


class ComputeOverride(ApiModel):
    """What one deployment's replicas get instead of what the model version says. Null = as the version says."""

    cpu_limit: Cpu | None = inherited(default=None)
    cpu_memory: Size | None = inherited(default=None)
    num_accelerators: int | None = inherited(default=None, ge=0, le=64)
    accelerator_type: list[str] | None = inherited(default=None, max_length=32)
    accelerator_memory: Size | None = inherited(default=None)
    accelerator_share: float | None = inherited(default=None, ge=0.001, le=1)
    storage: Size | None = inherited(default=None)
    """Disk for each replica."""
    network_bandwidth_mbps: int | None = inherited(default=None, ge=1, le=10_000_000)
    """Megabits per second for each replica."""

    def over(self, needs: ComputeNeeds) -> ComputeNeeds:
        """Raises ValueError when the two together make no sense."""
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
        if self.accelerator_share is not None:
            given["accelerator_milli"] = milli_of(self.accelerator_share)
        if self.storage is not None:
            given["disk_bytes"] = parse_bytes(self.storage)
        if self.network_bandwidth_mbps is not None:
            given["network_mbps"] = self.network_bandwidth_mbps
        changed = replace(needs, **given)
        check_share(changed.accelerators, changed.accelerator_milli / 1000)
        return changed


def check_share(accelerators: int, share: float) -> None:
    """Raises ValueError."""
    if share < 1 and accelerators != 1:
        raise ValueError(
            f"`accelerator_share` ({share:g}) is a part of a single accelerator: give `num_accelerators: 1`, not "
            f"{accelerators}, or whole ones"
        )


def milli_of(share: float) -> int:
    """Thousandths, rounded up."""
    return math.ceil(round(share * 1000, 6))
