"""One write, and the batch of writes that is committed together.

A change runs against edits laid over the committed objects, so a failing one is undone by forgetting its edits, and
the database sees only what a whole batch comes to.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from controlplane.store.audit import AuditEntry
from controlplane.store.indexes import DEFINITIONS
from controlplane.store.objects import Edits, Objects
from controlplane.store.plain import plain
from controlplane.store.store import Change, Difference, Index, Kind, Record
from homeport.core.errors import ErrorCode, HomeportError

T = TypeVar("T")


class Batch:
    """Writes on top of `objects`, each seeing those before it. `edits` and `changes` are what they come to."""

    def __init__(self, objects: Objects, seq: int, now: float) -> None:
        self.objects = objects
        self.seq = seq
        self.now = now
        self.edits: Edits = {}
        self.changes: list[Change] = []
        self.audited: list[AuditEntry] = []

    def run(self, change: Callable[["OverlayTransaction"], T]) -> T:
        """What `change` raises is raised here, and nothing of it stays. A change that writes nothing takes no seq."""
        transaction = OverlayTransaction(self)
        result = change(transaction)
        changes = transaction.changes()
        self.audited += transaction.audited
        if changes:
            self.seq = transaction.seq
            self.changes += changes
            for each in changes:
                self.edits.setdefault(each.kind, {})[each.id] = each.record
        return result


class OverlayTransaction:
    """Implements `controlplane.store.store.Transaction`."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._edits: Edits = {}
        self.audited: list[AuditEntry] = []

    @property
    def seq(self) -> int:
        return self._batch.seq + 1

    @property
    def now(self) -> float:
        return self._batch.now

    def get(self, kind: Kind, id: str) -> Record | None:
        own = self._edits.get(kind)
        return own[id] if own and id in own else self._before(kind, id)

    def all(self, kind: Kind) -> list[Record]:
        return self._batch.objects.all_with(kind, self._batch.edits.get(kind, {}), self._edits.get(kind, {}))

    def find(self, index: Index, key: str) -> list[Record]:
        kind = DEFINITIONS[index].kind
        return self._batch.objects.find(index, key, self._batch.edits.get(kind, {}), self._edits.get(kind, {}))

    def create(self, kind: Kind, id: str, spec: dict[str, Any], status: dict[str, Any] | None = None) -> Record:
        if self.get(kind, id) is not None:
            raise HomeportError(ErrorCode.ALREADY_EXISTS, f"{_noun(kind)} {id} exists already")
        now = self.now
        return self._put(Record(kind, id, 1, self.seq, now, now, plain(spec), plain(status or {})))

    def put_spec(self, kind: Kind, id: str, spec: dict[str, Any]) -> Record:
        old, spec = self._existing(kind, id), plain(spec)
        if spec == old.spec:
            return old
        return self._put(Record(kind, id, old.generation + 1, self.seq, old.created_at, self.now, spec, old.status))

    def put_status(self, kind: Kind, id: str, status: dict[str, Any]) -> Record:
        old, status = self._existing(kind, id), plain(status)
        if status == old.status:
            return old
        return self._put(Record(kind, id, old.generation, self.seq, old.created_at, self.now, old.spec, status))

    def delete(self, kind: Kind, id: str) -> None:
        self._existing(kind, id)
        self._edits.setdefault(kind, {})[id] = None

    def changes(self) -> list[Change]:
        """What the edits come to: an object that came and went inside the transaction is no change."""
        return [
            Change(self.seq, kind, id, record)
            for kind, edits in self._edits.items()
            for id, record in edits.items()
            if record is not self._before(kind, id)
        ]

    def differences(self) -> list[Difference]:
        return [
            Difference(each.kind, each.id, self._before(each.kind, each.id), each.record) for each in self.changes()
        ]

    def audit(self, entry: AuditEntry) -> None:
        self.audited.append(replace(entry, at=self.now, details=plain(entry.details)))

    def _before(self, kind: Kind, id: str) -> Record | None:
        batched = self._batch.edits.get(kind)
        return batched[id] if batched and id in batched else self._batch.objects.get(kind, id)

    def _existing(self, kind: Kind, id: str) -> Record:
        record = self.get(kind, id)
        if record is None:
            raise HomeportError(ErrorCode.NOT_FOUND, f"{_noun(kind)} {id} does not exist")
        return record

    def _put(self, record: Record) -> Record:
        self._edits.setdefault(record.kind, {})[record.id] = record
        return record


def _noun(kind: Kind) -> str:
    return kind.replace("_", " ")
