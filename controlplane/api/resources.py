"""Objects as the API shows them, and the steps that most routes share."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from controlplane.fleet.accept import Accepted, must_be_new
from controlplane.fleet.references import missing
from controlplane.store.store import Kind, Record, Store, Transaction
from homeport.core.errors import ErrorCode

# What almost every route that writes may answer, beside what it lists itself.
CREATE_ERRORS = (ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.ALREADY_EXISTS, ErrorCode.CONFLICT)
DELETE_ERRORS = (ErrorCode.NOT_FOUND, ErrorCode.IN_USE)


def envelope(
    record: Record, status: Mapping[str, Any] | None = None, spec: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`status` and `spec` replace the stored ones where the API shows another view."""
    return {
        "kind": record.kind.value,
        "id": record.id,
        "generation": record.generation,
        "seq": record.seq,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "spec": record.spec if spec is None else spec,
        "status": record.status if status is None else status,
    }


def listing(store: Store, items: Iterable[Any]) -> dict[str, Any]:
    """`seq` is the state that the list shows: changes are followed from there."""
    return {"items": list(items), "seq": store.seq}


def find(store: Store, kind: Kind, id: str) -> Record:
    """Raises NOT_FOUND with near matches."""
    record = store.get(kind, id)
    if record is None:
        raise missing(kind, id, (each.id for each in store.all(kind)))
    return record


async def create(store: Store, kind: Kind, id: str, root: str, accept: Callable[[Transaction], Accepted]) -> Record:
    """Raises ALREADY_EXISTS, and what `accept` raises."""

    def change(tx: Transaction) -> Record:
        must_be_new(tx, kind, id, root)
        return accept(tx).record

    return await store.write(change)


async def delete(store: Store, kind: Kind, id: str, remove: Callable[[Transaction], None]) -> None:
    """Raises NOT_FOUND with near matches, and what `remove` raises."""

    def change(tx: Transaction) -> None:
        if tx.get(kind, id) is None:
            raise missing(kind, id, (each.id for each in tx.all(kind)))
        remove(tx)

    await store.write(change)
