"""How many workers a gateway has."""

from collections.abc import Callable

from controlplane.store.follow import follow
from controlplane.store.store import Change, Kind, Record, Store, Transaction

# The one beside the control plane.
GATEWAY = "central"


def put_workers(tx: Transaction, count: int, gateway: str = GATEWAY) -> Record:
    record = tx.get(Kind.GATEWAY, gateway)
    if record is None:
        return tx.create(Kind.GATEWAY, gateway, {"workers": count})
    return tx.put_spec(Kind.GATEWAY, gateway, {**record.spec, "workers": count})


def workers_in(record: Record | None) -> int:
    """One, as long as nobody has said otherwise."""
    count: int = record.spec["workers"] if record is not None else 1
    return count


async def follow_size(store: Store, scale: Callable[[int], None]) -> None:
    """Tells it at once and after each change, until the store closes."""

    def load() -> None:
        scale(workers_in(store.get(Kind.GATEWAY, GATEWAY)))

    def update(changes: list[Change]) -> None:
        if any(change.kind is Kind.GATEWAY for change in changes):
            load()

    await follow(store, load, update)
