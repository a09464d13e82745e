"""The committed objects, in memory: what every read is served from."""

from collections.abc import Iterable, Mapping

from controlplane.store.store import Kind, Record

# Of each kind: id -> the new record, or None where the object was deleted.
Edits = dict[Kind, dict[str, Record | None]]


class Objects:
    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._by_kind: dict[Kind, dict[str, Record]] = {kind: {} for kind in Kind}
        self._sorted: dict[Kind, list[Record]] = {}
        for record in records:
            self._by_kind[record.kind][record.id] = record

    def get(self, kind: Kind, id: str) -> Record | None:
        return self._by_kind[kind].get(id)

    def all(self, kind: Kind) -> list[Record]:
        """By id. The list is the caller's own."""
        ordered = self._sorted.get(kind)
        if ordered is None:
            ordered = self._sorted[kind] = _by_id(self._by_kind[kind])
        return list(ordered)

    def all_with(self, kind: Kind, *layers: Mapping[str, Record | None]) -> list[Record]:
        """By id, with uncommitted edits laid over, the later layer on top."""
        if not any(layers):
            return self.all(kind)
        merged: dict[str, Record | None] = dict(self._by_kind[kind])
        for layer in layers:
            merged.update(layer)
        return _by_id({id: record for id, record in merged.items() if record is not None})

    def apply(self, edits: Edits) -> None:
        for kind, changed in edits.items():
            table = self._by_kind[kind]
            for id, record in changed.items():
                if record is None:
                    table.pop(id, None)
                else:
                    table[id] = record
            self._sorted.pop(kind, None)


def _by_id(table: Mapping[str, Record]) -> list[Record]:
    return [table[id] for id in sorted(table)]
