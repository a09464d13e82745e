"""The committed objects, in memory: what every read is served from."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter

from controlplane.store.indexes import DEFINITIONS
from controlplane.store.store import Index, Kind, Record

# Of each kind: id -> the new record, or None where the object was deleted.
Edits = dict[Kind, dict[str, Record | None]]

_ID = attrgetter("id")

_INDEXES_OF: defaultdict[Kind, list[tuple[Index, Callable[[Record], str]]]] = defaultdict(list)
for _index, _definition in DEFINITIONS.items():
    _INDEXES_OF[_definition.kind].append((_index, _definition.key))


# With more changes than one in so many a list is sorted anew.
_FEW = 16


class Objects:
    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._by_kind: dict[Kind, dict[str, Record]] = {kind: {} for kind in Kind}
        self._sorted: dict[Kind, list[Record]] = {}
        # By index, then by key, then by id.
        self._indexed: dict[Index, defaultdict[str, dict[str, Record]]] = {each: defaultdict(dict) for each in Index}
        for record in records:
            self._put(record)

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

    def find(self, index: Index, key: str, *layers: Mapping[str, Record | None]) -> list[Record]:
        """By id, with uncommitted edits of the index's kind laid over."""
        found = dict(self._indexed[index].get(key, {}))
        key_of = DEFINITIONS[index].key
        for layer in layers:
            for id, record in layer.items():
                if record is not None and key_of(record) == key:
                    found[id] = record
                else:
                    found.pop(id, None)
        return _by_id(found)

    def apply(self, edits: Edits) -> None:
        for kind, changed in edits.items():
            for id, record in changed.items():
                self._remove(kind, id)
                if record is not None:
                    self._put(record)
            ordered = self._sorted.pop(kind, [])
            if len(changed) * _FEW < len(ordered):
                _change(ordered, changed)
                self._sorted[kind] = ordered

    def _put(self, record: Record) -> None:
        self._by_kind[record.kind][record.id] = record
        for index, key_of in _INDEXES_OF.get(record.kind, ()):
            self._indexed[index][key_of(record)][record.id] = record

    def _remove(self, kind: Kind, id: str) -> None:
        record = self._by_kind[kind].pop(id, None)
        if record is None:
            return
        for index, key_of in _INDEXES_OF.get(kind, ()):
            table, key = self._indexed[index], key_of(record)
            del table[key][id]
            if not table[key]:
                del table[key]


def _by_id(table: Mapping[str, Record]) -> list[Record]:
    return [table[id] for id in sorted(table)]


def _change(ordered: list[Record], changed: Mapping[str, Record | None]) -> None:
    """In place; the order stays."""
    for id, record in changed.items():
        at = bisect_left(ordered, id, key=_ID)
        there = at < len(ordered) and ordered[at].id == id
        ordered[at : at + there] = [] if record is None else [record]
