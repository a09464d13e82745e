"""Instance types: those of the catalogue, those of one's own, and the shapes of enrolled hosts."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from controlplane.fleet.accept import Accepted, accept
from controlplane.fleet.catalogue import catalogue
from controlplane.fleet.nodes import inventory_of
from controlplane.fleet.references import missing
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind, Record, Store, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.quantity import format_bytes, format_cpu
from homeport.core.resources import Gpu, Inventory
from homeport.schema.compute import ComputeInfo
from homeport.schema.instance_type import InstanceTypeSpec

_GIB = 1 << 30
# As Python's platform module says it, and as images do.
_ARCHITECTURES: dict[str, Literal["amd64", "arm64"]] = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
}

_ORIGINS = {"catalogue": "it came with Homeport", "node": "enrolled hosts have this shape", "own": "it is gone"}


def accept_instance_type(tx: Transaction, spec: InstanceTypeSpec) -> Accepted:
    return accept(tx, Kind.INSTANCE_TYPE, spec.id, spec, "instance_type")


def delete_instance_type(tx: Transaction, found: Record) -> None:
    """`found` as from `find_instance_type`. Raises CONFLICT for one that is not one's own."""
    if tx.get(Kind.INSTANCE_TYPE, found.id) is None:
        origin = _ORIGINS[found.status["source"]]
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"instance type {found.id} is not one of your own and cannot be deleted: {origin}",
            hint=f"create an instance type {found.id} of your own: it takes precedence",
        )
    tx.delete(Kind.INSTANCE_TYPE, found.id)


def instance_types(store: Store, registry: NodeRegistry) -> list[Record]:
    """All of them, by id. A record of a type that is not one's own has generation 0 and stands for no write."""
    found = {spec.id: _record(spec, "catalogue") for spec in catalogue().values()}
    inventories = [inventory_of(node, registry) for node in store.all(Kind.NODE)]
    for spec, nodes in shapes_of(inventories):
        found.setdefault(spec.id, _record(spec, "node", nodes))
    for own in store.all(Kind.INSTANCE_TYPE):
        found[own.id] = _with_status(own)
    return [found[id] for id in sorted(found)]


def find_instance_type(store: Store, registry: NodeRegistry, id: str) -> Record:
    """Raises NOT_FOUND with near matches."""
    known = {record.id: record for record in instance_types(store, registry)}
    if id not in known:
        raise missing(Kind.INSTANCE_TYPE, id, known)
    return known[id]


def shapes_of(inventories: Iterable[Inventory]) -> list[tuple[InstanceTypeSpec, int]]:
    """Each shape with how many hosts have it. Hosts that differ by less than a GiB of memory count as alike."""
    counted = Counter(spec.model_dump_json() for inventory in inventories if (spec := _shape(inventory)))
    return [(InstanceTypeSpec.model_validate_json(text), nodes) for text, nodes in counted.items()]


def _shape(inventory: Inventory) -> InstanceTypeSpec | None:
    """None before the agent has said what its host has."""
    if not inventory.cpu_milli:
        return None
    memory = inventory.memory_bytes // _GIB * _GIB
    kinds = Counter(gpu.name for gpu in inventory.gpus)
    parts = [f"{format_cpu(inventory.cpu_milli)}cpu", f"{format_bytes(memory).lower()}"]
    parts += [f"{count}x{_word(name)}" for name, count in sorted(kinds.items())]
    return InstanceTypeSpec(
        id="-".join(["node", *parts])[:100],
        description=_description(inventory.cpu_model, kinds),
        compute_info=ComputeInfo(
            cpu_limit=format_cpu(inventory.cpu_milli),
            cpu_memory=format_bytes(memory),
            num_accelerators=min(len(inventory.gpus), 64),
            accelerator_type=sorted(kinds)[:32],
            accelerator_memory=_smallest(inventory.gpus),
        ),
        architecture=_ARCHITECTURES.get(inventory.architecture.lower(), ""),
    )


def _word(name: str) -> str:
    """As it may stand in an id."""
    return "-".join(word for word in "".join(c if c.isascii() and c.isalnum() else " " for c in name).split()).lower()


def _description(cpu_model: str, gpus: Counter[str]) -> str:
    parts = [cpu_model, *(f"{count} x {name}" for name, count in sorted(gpus.items()))]
    return ", ".join(part for part in parts if part)[:1000]


def _smallest(gpus: Iterable[Gpu]) -> str:
    sizes = [gpu.memory_bytes // _GIB * _GIB for gpu in gpus]
    return format_bytes(min(sizes)) if sizes else "0"


def _record(spec: InstanceTypeSpec, source: str, nodes: int = 0) -> Record:
    status = {"source": source, "nodes": nodes}
    return Record(Kind.INSTANCE_TYPE, spec.id, 0, 0, 0.0, 0.0, spec.model_dump(mode="json"), status)


def _with_status(own: Record) -> Record:
    status = {"source": "own", "nodes": 0}
    return Record(own.kind, own.id, own.generation, own.seq, own.created_at, own.updated_at, own.spec, status)
