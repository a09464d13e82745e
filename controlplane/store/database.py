"""The file or server behind the store: one connection, used by one thread. Everything here blocks."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    bindparam,
    create_engine,
    delete,
    event,
    insert,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from controlplane.store.audit import AuditEntry, AuditQuery
from controlplane.store.audit_table import append_entries, forget_entries, read_entries
from controlplane.store.filelock import FileLock
from controlplane.store.history import (
    HistoryQuery,
    KeptEntry,
    KeptMinute,
    KeptUsage,
    NodeHistory,
    Retention,
    TrafficQuery,
)
from controlplane.store.history_table import keep_history, read_history, read_site_usage, read_traffic, trim_history
from controlplane.store.migrate import migrate
from controlplane.store.plain import text_of
from controlplane.store.storage_errors import damaged, lost_lock, overtaken, storage_error
from controlplane.store.store import Change, Kind, Record
from controlplane.store.tables import changes, meta, objects
from controlplane.store.transaction import Batch
from homeport.core.errors import ErrorCode, HomeportError

T = TypeVar("T")

_DRIVERS = ("sqlite", "postgresql+psycopg")
# "homeport" in ASCII: the PostgreSQL advisory lock that one server holds per database.
_ADVISORY_LOCK = 0x686F6D65706F7274
# What stays of the write-ahead log after a checkpoint, however large a transaction has made it.
_WAL_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Contents:
    store_id: str
    seq: int
    changes_floor: int
    records: list[Record]
    # The newest change of each object after the floor, by seq.
    changes: list[Change]


class Database:
    """`url`: `sqlite:////DIR/homeport.db` or `postgresql+psycopg://...`."""

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
        except ArgumentError:
            raise _bad_url("it is not a URL") from None
        if self._url.drivername not in _DRIVERS:
            raise _bad_url(f"it is of {self._url.drivername}")
        self._sqlite = self._url.get_backend_name() == "sqlite"
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._lock: FileLock | None = None
        self._pruned_to = 0

    def open(self, new_store_id: str) -> Contents:
        """Locks, migrates, checks and reads everything. Raises HomeportError."""
        if self._sqlite:
            path = Path(self._url.database or "")
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(path.parent / "store.lock")
            self._lock.acquire()
        try:
            connection = self._connected()
            if self._sqlite:
                _check_file(connection, self._url.database or "")
            with connection.begin():
                migrate(connection)
                return _read(connection, new_store_id)
        except DBAPIError as error:
            self.close()
            if isinstance(error.orig, sqlite3.DatabaseError) and not isinstance(error.orig, sqlite3.OperationalError):
                raise damaged(self._url.database or "", str(error.orig)) from None
            raise storage_error(error) from error
        except BaseException:
            self.close()
            raise

    def commit(self, batch: Batch, seq_before: int, changes_floor: int) -> None:
        """All of the batch durably, or HomeportError and nothing of it (but see `committed_seq`)."""
        try:
            connection = self._connected()
            with connection.begin():
                _move_seq(connection, seq_before, batch.seq, changes_floor)
                self._write_objects(connection, batch)
                connection.execute(_LOG, [_change_row(change) for change in batch.changes])
                append_entries(connection, batch.audited)
                if changes_floor != self._pruned_to:
                    connection.execute(delete(changes).where(changes.c.seq <= changes_floor))
                    self._pruned_to = changes_floor
        except DBAPIError as error:
            self._drop_connection()
            raise storage_error(error) from error

    def committed_seq(self) -> int | None:
        """What the database says after a failed commit, which may have succeeded with its answer lost. None = it
        cannot be asked now."""
        try:
            connection = self._connected()
            with connection.begin():
                return int(connection.execute(select(meta.c.seq)).scalar_one())
        except (DBAPIError, HomeportError):
            self._drop_connection()
            return None

    def prove_writable(self) -> None:
        """Commits a change that changes nothing. Raises HomeportError."""
        self._change_meta(seq=meta.c.seq)

    def renumber(self, store_id: str) -> None:
        self._change_meta(store_id=store_id)

    def commit_audit(self, entries: Sequence[AuditEntry]) -> None:
        """Of writes that change nothing else. After a failure they may be there."""
        self._in_transaction(lambda connection: append_entries(connection, entries))

    def read_audit(self, query: AuditQuery) -> list[AuditEntry]:
        return self._in_transaction(lambda connection: read_entries(connection, query))

    def forget_audit(self, before: float) -> int:
        return self._in_transaction(lambda connection: forget_entries(connection, before))

    def keep_history(self, told: Sequence[NodeHistory]) -> None:
        """All of it durably, or HomeportError. After a failure it may be there: telling it again changes nothing."""
        self._in_transaction(lambda connection: keep_history(connection, told))

    def read_history(self, query: HistoryQuery) -> list[KeptEntry]:
        return self._in_transaction(lambda connection: read_history(connection, query))

    def read_traffic(self, query: TrafficQuery) -> list[KeptMinute]:
        return self._in_transaction(lambda connection: read_traffic(connection, query))

    def read_site_usage(self, token_id: str) -> list[KeptUsage]:
        return self._in_transaction(lambda connection: read_site_usage(connection, token_id))

    def trim_history(self, retention: Retention) -> int:
        return self._in_transaction(lambda connection: trim_history(connection, retention))

    def close(self) -> None:
        self._drop_connection()
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _connected(self) -> Connection:
        if self._engine is None:
            self._engine = _engine(str(self._url.render_as_string(hide_password=False)), self._sqlite)
        if self._connection is None:
            connection = self._engine.connect()
            self._connection = connection
            if not self._sqlite:
                with connection.begin():
                    locked = connection.execute(select(text(f"pg_try_advisory_lock({_ADVISORY_LOCK})"))).scalar_one()
                if not locked:
                    self._drop_connection()
                    raise lost_lock()
        return self._connection

    def _change_meta(self, **values: Any) -> None:
        self._in_transaction(lambda connection: connection.execute(update(meta).values(**values)))

    def _in_transaction(self, work: Callable[[Connection], T]) -> T:
        try:
            connection = self._connected()
            with connection.begin():
                return work(connection)
        except DBAPIError as error:
            self._drop_connection()
            raise storage_error(error) from error

    def _drop_connection(self) -> None:
        """The next use dials anew: a connection that failed once is not trusted again."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _write_objects(self, connection: Connection, batch: Batch) -> None:
        rows, gone = [], []
        for kind, edits in batch.edits.items():
            for id, record in edits.items():
                if record is None:
                    gone.append({"gone_kind": kind.value, "gone_id": id})
                else:
                    rows.append(_row(record))
        if rows:
            connection.execute(self._upsert(), rows)
        if gone:
            connection.execute(_DELETE, gone)

    def _upsert(self) -> Any:
        return _UPSERT_SQLITE if self._sqlite else _UPSERT_POSTGRESQL


def _bad_url(why: str) -> HomeportError:
    """The URL itself is not shown: it may hold a password."""
    return HomeportError(
        ErrorCode.INVALID_ARGUMENT,
        f"Homeport cannot use this database: {why}",
        hint="use sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME",
    )


def _engine(url: str, is_sqlite: bool) -> Engine:
    engine = create_engine(url, poolclass=NullPool)
    if is_sqlite:
        event.listen(engine, "connect", _configure_sqlite)
        # Left alone, Python's sqlite3 begins no transaction before DDL, so half a migration could stay.
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    # Exclusive: nobody else may checkpoint this file while the server runs. SQLite before 3.51.3 can corrupt a file
    # that two connections checkpoint.
    wal_limit = f"journal_size_limit={_WAL_BYTES}"
    for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL", wal_limit):
        connection.execute(f"PRAGMA {pragma}").close()


def _check_file(connection: Connection, path: str) -> None:
    problem = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    connection.rollback()
    if problem != "ok":
        raise damaged(path, str(problem))


def _read(connection: Connection, new_store_id: str) -> Contents:
    row = connection.execute(select(meta)).one_or_none()
    if row is None:
        connection.execute(insert(meta).values(number=1, store_id=new_store_id, seq=0, changes_floor=0))
        return Contents(new_store_id, 0, 0, [], [])
    records = [_record(row) for row in connection.execute(select(objects))]
    by_key = {(record.kind, record.id): record for record in records}
    log = connection.execute(select(changes.c.seq, changes.c.kind, changes.c.id).order_by(changes.c.seq))
    newest = {(Kind(kind), id): seq for seq, kind, id in log}
    folded = [Change(seq, *key, by_key.get(key)) for key, seq in newest.items()]
    folded.sort(key=lambda change: change.seq)
    return Contents(row.store_id, row.seq, row.changes_floor, records, folded)


def _move_seq(connection: Connection, before: int, after: int, changes_floor: int) -> None:
    if connection.execute(_MOVE, {"before": before, "after": after, "floor": changes_floor}).rowcount != 1:
        raise overtaken()


def _record(row: Any) -> Record:
    return Record(
        Kind(row.kind),
        row.id,
        row.generation,
        row.seq,
        row.created_at,
        row.updated_at,
        json.loads(row.spec),
        json.loads(row.status),
    )


def _row(record: Record) -> dict[str, Any]:
    return {
        "kind": record.kind.value,
        "id": record.id,
        "generation": record.generation,
        "seq": record.seq,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "spec": text_of(record.spec),
        "status": text_of(record.status),
    }


def _change_row(change: Change) -> dict[str, Any]:
    op = "put" if change.record else "delete"
    return {"seq": change.seq, "kind": change.kind.value, "id": change.id, "op": op}


def _upsert(dialect_insert: Any) -> Any:
    statement = dialect_insert(objects)
    columns: Iterable[str] = (column.name for column in objects.columns)
    replaced: Sequence[str] = [name for name in columns if name not in ("kind", "id")]
    return statement.on_conflict_do_update(
        index_elements=["kind", "id"], set_={name: statement.excluded[name] for name in replaced}
    )


# Made once: to make a statement takes as long as to execute it.
_MOVE = (
    update(meta)
    .where(meta.c.seq == bindparam("before"))
    .values(seq=bindparam("after"), changes_floor=bindparam("floor"))
)
_LOG = insert(changes)
_UPSERT_SQLITE = _upsert(sqlite.insert)
_UPSERT_POSTGRESQL = _upsert(postgresql.insert)
_DELETE = text("DELETE FROM objects WHERE kind = :gone_kind AND id = :gone_id")
