"""Instance types: those of the catalogue, those of one's own, and the shapes of enrolled hosts."""

from collections import Counter
from functools import lru_cache
from typing import Literal

from controlplane.fleet.accept import Accepted, accept
from controlplane.fleet.catalogue import catalogue
from controlplane.store.store import Kind, Transaction
from homeport.core.architecture import architecture_of
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.quantity import format_bytes, format_cpu
from homeport.core.resources import Inventory
from homeport.schema.compute import ComputeInfo
from homeport.schema.instance_type import InstanceTypeSpec

_GIB = 1 << 30
_ARCHITECTURES: dict[str, Literal["amd64", "arm64"]] = {"amd64": "amd64", "arm64": "arm64"}


def accept_instance_type(tx: Transaction, spec: InstanceTypeSpec) -> Accepted:
    return accept(tx, Kind.INSTANCE_TYPE, spec.id, spec, "instance_type")


def delete_instance_type(tx: Transaction, id: str) -> None:
    """Raises CONFLICT for one that is not one's own."""
    must_be_own(tx, id, "deleted")
    tx.delete(Kind.INSTANCE_TYPE, id)


def must_be_own(tx: Transaction, id: str, what: str) -> None:
    """Raises CONFLICT for an instance type that exists and of which there is no record: `what` cannot be done to it."""
    if tx.get(Kind.INSTANCE_TYPE, id) is None:
        origin = "it came with Homeport" if id in catalogue() else "enrolled hosts have this shape"
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"instance type {id} is not one of your own and cannot be {what}: {origin}",
            hint=f"create an instance type {id} of your own: it takes precedence",
        )


def shape_of(inventory: Inventory) -> InstanceTypeSpec | None:
    """The type of which a host is. Hosts that differ by less than a GiB of memory are alike. None before its agent has
    said what it has."""
    if not inventory.cpu_milli:
        return None
    gpus = tuple(sorted((gpu.name, gpu.memory_bytes // _GIB) for gpu in inventory.gpus))
    memory = inventory.memory_bytes // _GIB
    return _shape(inventory.cpu_milli, memory, gpus, inventory.cpu_model, architecture_of(inventory.architecture))


@lru_cache(4096)
def _shape(
    cpu_milli: int, memory_gib: int, gpus: tuple[tuple[str, int], ...], cpu_model: str, architecture: str
) -> InstanceTypeSpec:
    """`gpus` are (name, GiB)."""
    kinds = Counter(name for name, _ in gpus)
    memory = format_bytes(memory_gib * _GIB)
    parts = [f"{format_cpu(cpu_milli)}cpu", memory.lower()]
    parts += [f"{count}x{_word(name)}" for name, count in sorted(kinds.items())]
    return InstanceTypeSpec(
        id="-".join(["node", *parts])[:100],
        description=_description(cpu_model, kinds),
        compute_info=ComputeInfo(
            cpu_limit=format_cpu(cpu_milli),
            cpu_memory=memory,
            num_accelerators=min(len(gpus), 64),
            accelerator_type=sorted(kinds)[:32],
            accelerator_memory=format_bytes(min((gib for _, gib in gpus), default=0) * _GIB),
        ),
        architecture=_ARCHITECTURES.get(architecture, ""),
    )


def _word(name: str) -> str:
    """As it may stand in an id."""
    return "-".join(word for word in "".join(c if c.isascii() and c.isalnum() else " " for c in name).split()).lower()


def _description(cpu_model: str, gpus: Counter[str]) -> str:
    parts = [cpu_model, *(f"{count} x {name}" for name, count in sorted(gpus.items()))]
    return ", ".join(part for part in parts if part)[:1000]
