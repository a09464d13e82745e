"""Edits of one object: a merge patch of its spec, made from a generation that was read."""

from collections.abc import Mapping
from typing import Any

from controlplane.auth.guard import Guard
from controlplane.fleet.accept import Accepted, refuse_fixed
from controlplane.fleet.kinds import ObjectKind
from controlplane.fleet.references import missing, noun
from controlplane.store.store import Record, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.changes import FieldChange, changes_between
from homeport.schema.documents import parse_spec


def edit(
    tx: Transaction, kind: ObjectKind, key: str, patch: Mapping[str, Any], generation: int | None, guard: Guard
) -> Accepted:
    """`generation` is the one that the patch was made from; None = whatever is there.

    Raises NOT_FOUND; INVALID_ARGUMENT for a spec that is none any more; CONFLICT for a field that never changes, and
    for another generation, with the details {current, generation_read, conflicts: [{path, yours, theirs}]} of which
    `current` is the record; and what accepting the spec raises.
    """
    record = tx.get(kind.kind, key)
    if record is None:
        raise missing(kind.kind, key, (each.id for each in tx.all(kind.kind)))
    if generation is not None and generation != record.generation:
        raise _conflict(kind, record, patch, generation)
    spec = parse_spec(kind.spec, merged(kind.spec_of(record), patch), kind.root)
    refuse_fixed(kind.kind, key, changes_between(kind.spec, record.spec, spec.model_dump(mode="json")), kind.root)
    guard.before_writing(tx, kind.kind, key, spec, kind.root)
    accepted = kind.edit(tx, spec)
    guard.after_writing(tx, kind.kind, key, accepted.record.spec)
    return accepted


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396: what the patch names is replaced, null removes it; lists are replaced whole."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _conflict(kind: ObjectKind, record: Record, patch: Mapping[str, Any], generation: int) -> HomeportError:
    what = f"{noun(kind.kind)} {record.id}"
    sides = [_sides(each) for each in _differences(kind, kind.spec_of(record), patch)]
    return HomeportError(
        ErrorCode.CONFLICT,
        f"{what} has changed meanwhile: it is at generation {record.generation}, the edit was made from {generation}",
        hint=f"read {what} again, and repeat the edit if it is still wanted",
        path="generation",
        details={"current": record, "generation_read": generation, "conflicts": sides},
    )


def _differences(kind: ObjectKind, spec: Mapping[str, Any], patch: Mapping[str, Any]) -> list[FieldChange]:
    """Of the fields that the patch names, those that are not as it wants them."""
    return changes_between(kind.spec, dict(spec), merged(spec, patch))


def _sides(difference: FieldChange) -> dict[str, Any]:
    return {"path": difference.path, "yours": difference.after, "theirs": difference.before}
