"""Many documents as one write: all of them are accepted, or none."""

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.fleet.accept import Accepted, Action
from controlplane.fleet.dry_run import write
from controlplane.fleet.kinds import OBJECT_KINDS
from controlplane.fleet.missing_parents import create_missing
from controlplane.store.store import Kind, Store, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.base import ApiModel
from homeport.schema.changes import FieldChange, recorded_fields

_ORDER = {root: position for position, root in enumerate(OBJECT_KINDS)}


@dataclass(frozen=True, slots=True)
class Applied:
    """`recorded` are fields that the document sets and nothing acts on yet."""

    kind: Kind
    id: str
    action: Action
    changes: tuple[FieldChange, ...] = ()
    recorded: tuple[str, ...] = ()


async def apply_documents(
    store: Store, documents: Sequence[tuple[str, ApiModel]], dry_run: bool = False, create_missing: bool = False
) -> list[Applied]:
    """`documents` are (root key, checked spec). Results are in the same order, whatever order parents need; with
    `create_missing` what was made on the way comes after them.

    A dry run does everything but keep it. Errors carry the document's number: `[2].deployment.nodepools.0.id`.
    """

    return await write(store, lambda tx: _accept_all(tx, documents, create_missing), dry_run)


def _accept_all(tx: Transaction, documents: Sequence[tuple[str, ApiModel]], with_parents: bool) -> list[Applied]:
    """Parents first; documents of one kind in their own order."""
    results: dict[int, Applied] = {}
    made: list[Accepted] = []
    first_with: dict[tuple[Kind, str], int] = {}
    for index in sorted(range(len(documents)), key=lambda number: _ORDER[documents[number][0]]):
        root, spec = documents[index]
        if with_parents:
            made += create_missing(tx, spec)
        accepted = _accept_one(tx, index, root, spec)
        key = (accepted.record.kind, accepted.record.id)
        if key in first_with:
            raise HomeportError(
                ErrorCode.INVALID_ARGUMENT,
                f"documents [{first_with[key]}] and [{index}] are both {root} {accepted.record.id}",
                hint="remove one of them",
                path=f"[{index}].{root}.id",
            )
        first_with[key] = index
        results[index] = Applied(*key, accepted.action, accepted.changes, tuple(recorded_fields(spec)))
    parents = [Applied(each.record.kind, each.record.id, each.action) for each in made]
    return [results[index] for index in range(len(documents))] + parents


def _accept_one(tx: Transaction, index: int, root: str, spec: ApiModel) -> Accepted:
    try:
        return OBJECT_KINDS[root].accept(tx, spec)
    except HomeportError as error:
        raise error.with_path(f"[{index}].{error.path or root}") from None
