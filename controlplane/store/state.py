"""What every store serves reads from."""

import uuid
from collections.abc import AsyncIterator

from controlplane.store.changelog import ChangeLog
from controlplane.store.objects import Objects
from controlplane.store.store import Change, Index, Kind, Problem, Record
from controlplane.store.transaction import Batch
from homeport.core.errors import ErrorCode, HomeportError


class State:
    """Objects, change log, `store_id` and `seq` as committed. Touched by the event loop's thread alone, except that
    the writer's thread may read it while a batch runs: nothing is applied meanwhile."""

    def __init__(self, store_id: str | None = None, objects: Objects | None = None, log: ChangeLog | None = None):
        self.store_id = store_id or new_store_id()
        self.objects = objects or Objects()
        self.log = log or ChangeLog()

    @property
    def seq(self) -> int:
        return self.log.newest

    def begin(self, now: float) -> Batch:
        return Batch(self.objects, self.seq, now)

    def apply(self, batch: Batch) -> None:
        if batch.changes:
            self.objects.apply(batch.edits)
            self.log.append(batch.changes, batch.seq)


class StateReader:
    """The reading half of `controlplane.store.store.Store`."""

    _state: State

    @property
    def store_id(self) -> str:
        return self._state.store_id

    @property
    def seq(self) -> int:
        return self._state.seq

    @property
    def problem(self) -> Problem | None:
        return None

    def get(self, kind: Kind, id: str) -> Record | None:
        return self._state.objects.get(kind, id)

    def all(self, kind: Kind) -> list[Record]:
        return self._state.objects.all(kind)

    def find(self, index: Index, key: str) -> list[Record]:
        return self._state.objects.find(index, key)

    def known_deletions(self, kind: Kind) -> set[str]:
        return self._state.log.deleted(kind)

    def changes(self, since: int | None = None) -> AsyncIterator[list[Change]]:
        return self._state.log.follow(since)


def new_store_id() -> str:
    return uuid.uuid4().hex


def closed_error() -> HomeportError:
    return HomeportError(ErrorCode.UNAVAILABLE, "the store is closed", hint="the server is starting or stopping")
