"""What records say, read once for each."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from controlplane.store.store import Record

T = TypeVar("T")


class Parsed(Generic[T]):
    """Records are replaced, never changed: the same record says the same."""

    def __init__(self, parse: Callable[[Record], T]) -> None:
        self._parse = parse
        self._known: dict[str, tuple[Record, T]] = {}

    def of(self, record: Record) -> T:
        known = self._known.get(record.id)
        if known is None or known[0].spec is not record.spec:
            known = self._known[record.id] = (record, self._parse(record))
        return known[1]

    def forget_gone(self, records: Sequence[Record]) -> None:
        """`records` are all that there are. Looks closer only when half of what is known may be of no use."""
        if len(self._known) > 2 * len(records):
            ids = {record.id for record in records}
            self._known = {id: known for id, known in self._known.items() if id in ids}
