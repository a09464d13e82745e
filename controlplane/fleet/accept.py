"""What accepting a spec does, the same for every kind of object."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from controlplane.fleet.references import noun
from controlplane.store.store import Kind, Record, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.base import ApiModel, Change


class Action(StrEnum):
    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Accepted:
    record: Record
    action: Action


def accept(tx: Transaction, kind: Kind, id: str, spec: ApiModel, root: str, fixed_hint: str = "") -> Accepted:
    """Creates the object or replaces its spec.

    `root` begins the paths in errors. Raises CONFLICT when a field changes that may not; `fixed_hint` says what to do.
    """
    plain = spec.model_dump(mode="json")
    old = tx.get(kind, id)
    if old is None:
        return Accepted(tx.create(kind, id, plain), Action.CREATED)
    path = changed_immutable(spec, old.spec, root)
    if path is not None:
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"{noun(kind)} {id} exists and this field of it cannot change",
            hint=fixed_hint or f"use a new id, or delete {noun(kind)} {id} first",
            path=path,
        )
    new = tx.put_spec(kind, id, plain)
    return Accepted(new, Action.UNCHANGED if new is old else Action.CONFIGURED)


def must_be_new(tx: Transaction, kind: Kind, id: str, root: str) -> None:
    """Raises ALREADY_EXISTS."""
    if tx.get(kind, id) is not None:
        raise HomeportError(
            ErrorCode.ALREADY_EXISTS,
            f"{noun(kind)} {id} exists already",
            hint="choose another id, or use apply to change the one that exists",
            path=f"{root}.id",
        )


def changed_immutable(spec: ApiModel, old: dict[str, Any], path: str) -> str | None:
    """The path of the first field that differs from `old` although it is tagged immutable."""
    for name, field in type(spec).model_fields.items():
        value, before = getattr(spec, name), old.get(name, field.get_default(call_default_factory=True))
        here = f"{path}.{name}"
        if isinstance(value, ApiModel) and isinstance(before, dict):
            inner = changed_immutable(value, before, here)
            if inner is not None:
                return inner
        elif _is_immutable(field.json_schema_extra) and _plain(value) != _plain(before):
            return here
    return None


def _is_immutable(extra: object) -> bool:
    return isinstance(extra, dict) and extra.get("x-change") == Change.IMMUTABLE.value


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, ApiModel) else value
