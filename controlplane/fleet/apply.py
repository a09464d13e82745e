"""Many documents as one write: all of them are accepted, or none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.fleet.accept import Accepted, Action
from controlplane.fleet.clusters import accept_cluster
from controlplane.fleet.deployments import accept_deployment
from controlplane.fleet.instance_types import accept_instance_type
from controlplane.fleet.missing_parents import create_missing
from controlplane.fleet.models import accept_model, accept_model_version
from controlplane.fleet.nodepools import accept_nodepool
from controlplane.fleet.projects import accept_project
from controlplane.store.store import Kind, Store, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.base import ApiModel
from homeport.schema.changes import FieldChange, recorded_fields
from homeport.schema.documents import DOCUMENT_KINDS

# Of each root key: how its spec is accepted.
_ACCEPT: dict[str, Callable[[Transaction, Any], Accepted]] = {
    "project": accept_project,
    "instance_type": accept_instance_type,
    "compute_cluster": accept_cluster,
    "nodepool": accept_nodepool,
    "model": accept_model,
    "model_version": accept_model_version,
    "deployment": accept_deployment,
}
_ORDER = {root: position for position, root in enumerate(DOCUMENT_KINDS)}


@dataclass(frozen=True, slots=True)
class Applied:
    """`recorded` are fields that the document sets and nothing acts on yet."""

    kind: Kind
    id: str
    action: Action
    changes: tuple[FieldChange, ...] = ()
    recorded: tuple[str, ...] = ()


class _DryRun(Exception):
    """Undoes a transaction that went well."""

    def __init__(self, results: list[Applied]) -> None:
        self.results = results


async def apply_documents(
    store: Store, documents: Sequence[tuple[str, ApiModel]], dry_run: bool = False, create_missing: bool = False
) -> list[Applied]:
    """`documents` are (root key, checked spec). Results are in the same order, whatever order parents need; with
    `create_missing` what was made on the way comes after them.

    A dry run does everything but keep it. Errors carry the document's number: `[2].deployment.nodepools.0.id`.
    """

    def change(tx: Transaction) -> list[Applied]:
        results = _accept_all(tx, documents, create_missing)
        if dry_run:
            raise _DryRun(results)
        return results

    try:
        return await store.write(change)
    except _DryRun as done:
        return done.results


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
        return _ACCEPT[root](tx, spec)
    except HomeportError as error:
        raise error.with_path(f"[{index}].{error.path or root}") from None
