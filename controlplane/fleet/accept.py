"""What accepting a spec does, the same for every kind of object."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from controlplane.fleet.references import noun
from controlplane.store.store import Kind, Record, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.base import ApiModel, Change
from homeport.schema.changes import FieldChange, changes_between


class Action(StrEnum):
    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Accepted:
    """`changes` are those of an object that existed before."""

    record: Record
    action: Action
    changes: tuple[FieldChange, ...] = ()


def accept(tx: Transaction, kind: Kind, id: str, spec: ApiModel, root: str, fixed_hint: str = "") -> Accepted:
    """Creates the object or replaces its spec.

    `root` begins the paths in errors. Raises CONFLICT when a field changes that may not; `fixed_hint` says what to do.
    """
    plain = spec.model_dump(mode="json")
    old = tx.get(kind, id)
    if old is None:
        return Accepted(tx.create(kind, id, plain), Action.CREATED)
    changes = tuple(changes_between(type(spec), old.spec, plain))
    refuse_fixed(kind, id, changes, root, fixed_hint)
    if not changes:
        return Accepted(old, Action.UNCHANGED)
    return Accepted(tx.put_spec(kind, id, plain), Action.CONFIGURED, changes)


def refuse_fixed(kind: Kind, id: str, changes: Iterable[FieldChange], root: str, hint: str = "") -> None:
    """Raises CONFLICT, with the reason, when one of the changes is of a field that never changes."""
    fixed = next((change for change in changes if change.change is Change.IMMUTABLE), None)
    if fixed is not None:
        why = f": {fixed.reason}" if fixed.reason else ""
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"{noun(kind)} {id} exists and this field of it cannot change{why}",
            hint=hint or f"use a new id, or delete {noun(kind)} {id} first",
            path=f"{root}.{fixed.path}",
        )


def must_be_new(tx: Transaction, kind: Kind, id: str, root: str) -> None:
    """Raises ALREADY_EXISTS."""
    if tx.get(kind, id) is not None:
        raise HomeportError(
            ErrorCode.ALREADY_EXISTS,
            f"{noun(kind)} {id} exists already",
            hint="choose another id, or use apply to change the one that exists",
            path=f"{root}.id",
        )
