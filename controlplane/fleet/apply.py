"""Many documents as one write: all of them are accepted, or none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.fleet.accept import Accepted, Action
from controlplane.fleet.clusters import accept_cluster
from controlplane.fleet.deployments import accept_deployment
from controlplane.fleet.models import accept_model, accept_model_version
from controlplane.fleet.nodepools import accept_nodepool
from controlplane.store.store import Kind, Store, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.base import ApiModel
from homeport.schema.documents import DOCUMENT_KINDS

# Of each root key: how its spec is accepted.
_ACCEPT: dict[str, Callable[[Transaction, Any], Accepted]] = {
    "compute_cluster": accept_cluster,
    "nodepool": accept_nodepool,
    "model": accept_model,
    "model_version": accept_model_version,
    "deployment": accept_deployment,
}
_ORDER = {root: position for position, root in enumerate(DOCUMENT_KINDS)}


@dataclass(frozen=True, slots=True)
class Applied:
    kind: Kind
    id: str
    action: Action


class _DryRun(Exception):
    """Undoes a transaction that went well."""

    def __init__(self, results: list[Applied]) -> None:
        self.results = results


async def apply_documents(
    store: Store, documents: Sequence[tuple[str, ApiModel]], dry_run: bool = False
) -> list[Applied]:
    """`documents` are (root key, checked spec). Results are in the same order, whatever order parents need.

    A dry run does everything but keep it. Errors carry the document's number: `[2].deployment.nodepools.0.id`.
    """

    def change(tx: Transaction) -> list[Applied]:
        results = _accept_all(tx, documents)
        if dry_run:
            raise _DryRun(results)
        return results

    try:
        return await store.write(change)
    except _DryRun as done:
        return done.results


def _accept_all(tx: Transaction, documents: Sequence[tuple[str, ApiModel]]) -> list[Applied]:
    """Parents first; documents of one kind in their own order."""
    results: dict[int, Applied] = {}
    first_with: dict[tuple[Kind, str], int] = {}
    for index in sorted(range(len(documents)), key=lambda number: _ORDER[documents[number][0]]):
        root, spec = documents[index]
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
        results[index] = Applied(*key, accepted.action)
    return [results[index] for index in range(len(documents))]


def _accept_one(tx: Transaction, index: int, root: str, spec: ApiModel) -> Accepted:
    try:
        return _ACCEPT[root](tx, spec)
    except HomeportError as error:
        raise error.with_path(f"[{index}].{error.path or root}") from None
