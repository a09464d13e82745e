"""Copies of nodes that were turned away: what is kept of them until a person says which one is right."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from controlplane.store.store import Kind, Record, Transaction
from homeport.core import canonical
from homeport.core.hardware import Hardware, learned
from homeport.core.likeness import Claim, Memory, Suspicion
from homeport.core.node_identity import Certificates, Serial, Shown


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Of the last one. `since` is unix seconds, `address` the peer's, `serial` and `begins_at` of its certificate."""

    why: Suspicion
    since: float
    address: str
    serial: str
    begins_at: float
    hardware: Hardware = field(default_factory=Hardware)


def memory_of(node: Record) -> Memory:
    plain: Any = node.status.get("memory")
    return canonical.from_plain(Memory, plain) if plain is not None else Memory()


def remembering(memory: Memory, claim: Claim) -> Memory:
    return replace(memory, hardware=learned(memory.hardware, claim.hardware))


def note_kept(tx: Transaction, epochs: Mapping[str, int]) -> None:
    """By node id, what is on the disks of the agents."""
    for node_id, epoch in epochs.items():
        node = tx.get(Kind.NODE, node_id)
        if node is not None and epoch > memory_of(node).epoch_kept:
            _put(tx, node, memory=replace(memory_of(node), epoch_kept=epoch))


def quarantine_of(node: Record) -> Quarantine | None:
    plain: Any = node.status.get("quarantine")
    return canonical.from_plain(Quarantine, plain) if plain is not None else None


def is_noted(node: Record, why: Suspicion, shown: Shown, claim: Claim) -> bool:
    """A copy that tries again is no news."""
    held = quarantine_of(node)
    return held is not None and (held.why, held.serial, held.hardware) == (why, shown.serial, claim.hardware)


def note_copy(tx: Transaction, why: Suspicion, shown: Shown, claim: Claim, address: str) -> None:
    node = tx.get(Kind.NODE, shown.node_id)
    if node is not None and not is_noted(node, why, shown, claim):
        quarantine = Quarantine(why, tx.now, address, shown.serial, shown.begins_at, claim.hardware)
        _put(tx, node, quarantine=quarantine)


def admit_copy(tx: Transaction, node: Record) -> Record:
    """From now on the one that was turned away is the node, and who had the session before is the copy."""
    quarantine = quarantine_of(node)
    if quarantine is None:
        return node
    memory = Memory(learned(memory_of(node).hardware, quarantine.hardware))
    certificates = Certificates(Serial(quarantine.serial, quarantine.begins_at))
    return _put(tx, forget_copy(tx, node), memory=memory, certificates=certificates)


def forget_copy(tx: Transaction, node: Record) -> Record:
    """It stays out, and the alarm is over until it comes again."""
    status = {key: value for key, value in node.status.items() if key != "quarantine"}
    return tx.put_status(Kind.NODE, node.id, status)


def _put(tx: Transaction, node: Record, **facts: object) -> Record:
    plain = {name: canonical.to_plain(fact) for name, fact in facts.items()}
    return tx.put_status(Kind.NODE, node.id, {**node.status, **plain})
