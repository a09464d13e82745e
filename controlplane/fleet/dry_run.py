"""Writes that do everything but keep it."""

from collections.abc import Callable
from typing import Generic, TypeVar

from controlplane.store.store import Store, Transaction

T = TypeVar("T")


class _Undo(Exception, Generic[T]):
    """Undoes a transaction that went well."""

    def __init__(self, result: T) -> None:
        self.result = result


async def write(store: Store, change: Callable[[Transaction], T], dry_run: bool) -> T:
    if not dry_run:
        return await store.write(change)

    def change_and_undo(tx: Transaction) -> T:
        raise _Undo(change(tx))

    try:
        return await store.write(change_and_undo)
    except _Undo as done:
        result: T = done.result
        return result
