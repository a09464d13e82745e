"""Many documents as one write: all of them are accepted, or none."""

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.auth.guard import Guard
from controlplane.fleet.accept import Accepted, Action
from controlplane.fleet.dry_run import write
from controlplane.fleet.kinds import OBJECT_KINDS, Kinds, ObjectKind
from controlplane.fleet.missing_parents import create_missing
from controlplane.fleet.revisions import current_revision
from controlplane.store.store import Kind, Record, Store, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.base import ApiModel
from homeport.schema.changes import FieldChange, recorded_fields
from homeport.schema.documents import DOCUMENT_KINDS

_ORDER = {root: position for position, root in enumerate(DOCUMENT_KINDS)}


@dataclass(frozen=True, slots=True)
class Applied:
    """`recorded` are fields that the document sets and nothing acts on yet. `record` is what was written, or would have
    been, and `revision` what a deployment runs then."""

    kind: Kind
    id: str
    action: Action
    changes: tuple[FieldChange, ...] = ()
    recorded: tuple[str, ...] = ()
    record: Record | None = None
    revision: Record | None = None


async def apply_documents(
    store: Store,
    documents: Sequence[tuple[str, ApiModel]],
    guard: Guard,
    dry_run: bool = False,
    create_missing: bool = False,
    kinds: Kinds = OBJECT_KINDS,
) -> list[Applied]:
    """`documents` are (root key, checked spec), each accepted as its kind in `kinds` says. Results are in the same
    order, whatever order parents need; with `create_missing` what was made on the way comes after them.

    A dry run does everything but keep it. Errors carry the document's number: `[2].deployment.nodepools.0.id`.
    """

    return await write(store, lambda tx: _accept_all(tx, documents, guard, kinds, create_missing), dry_run)


def _accept_all(
    tx: Transaction, documents: Sequence[tuple[str, ApiModel]], guard: Guard, kinds: Kinds, with_parents: bool
) -> list[Applied]:
    """Parents first; documents of one kind in their own order."""
    results: dict[int, Applied] = {}
    made: list[Accepted] = []
    first_with: dict[tuple[Kind, str], int] = {}
    for index in sorted(range(len(documents)), key=lambda number: _ORDER[documents[number][0]]):
        root, spec = documents[index]
        if with_parents:
            parents = create_missing(tx, spec)
            for each in parents:
                guard.after_making(tx, each.record)
            made += parents
        accepted = _accept_one(tx, guard, index, kinds[root], spec)
        key = (accepted.record.kind, accepted.record.id)
        if key in first_with:
            raise HomeportError(
                ErrorCode.INVALID_ARGUMENT,
                f"documents [{first_with[key]}] and [{index}] are both {root} {accepted.record.id}",
                hint="remove one of them",
                path=f"[{index}].{root}.id",
            )
        first_with[key] = index
        record = accepted.record
        revision = current_revision(tx, record) if record.kind is Kind.DEPLOYMENT else None
        recorded = tuple(recorded_fields(spec))
        results[index] = Applied(*key, accepted.action, accepted.changes, recorded, record, revision)
    on_the_way = [Applied(each.record.kind, each.record.id, each.action) for each in made]
    return [results[index] for index in range(len(documents))] + on_the_way


def _accept_one(tx: Transaction, guard: Guard, index: int, kind: ObjectKind, spec: ApiModel) -> Accepted:
    try:
        guard.before_writing(tx, kind.kind, kind.key(spec), spec, kind.root)
        accepted = kind.accept(tx, spec)
        guard.after_writing(tx, kind.kind, accepted.record.id, accepted.record.spec)
        return accepted
    except HomeportError as error:
        raise error.with_path(f"[{index}].{error.path or kind.root}") from None
