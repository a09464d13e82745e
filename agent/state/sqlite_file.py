"""Opening a state file, and telling whether it can be trusted.

It has a counter that every transaction moves on: a copy that counts further proves that the file has lost something,
however sound it looks.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database as Sqlite

from agent.state import rows
from agent.state.migrate import MIGRATIONS
from agent.state.rows import Damaged
from homeport.core.errors import ErrorCode, HomeportError

# "HPAG" in ASCII: this file is an agent's.
_APPLICATION_ID = 0x48504147
_SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE rows (
  kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (kind, key)
);
CREATE TABLE counter (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), value INTEGER NOT NULL);
INSERT INTO counter VALUES (1, 0);
"""
# The write-ahead log is folded into the file at this many pages of 4 KiB, and cut to this many bytes.
_WAL_PAGES = 256
_WAL_BYTES = 1024 * 1024

# Errors that are the disk's or the mount's, not the content's.
_SURROUNDINGS = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_NOMEM,
    }
)


@dataclass(frozen=True, slots=True)
class SoundFile:
    connection: Sqlite
    counter: int


def open_sound(path: Path) -> SoundFile:
    """Raises Damaged, or HomeportError when the disk is at fault."""
    connection = _connect(path)
    try:
        _configure(connection)
        _check_kind(connection)
        _migrate(connection)
        return SoundFile(connection, _checked_counter(connection))
    except sqlite3.Error as error:
        connection.close()
        raise _explained(path, error) from None
    except (Damaged, TypeError, ValueError) as error:
        connection.close()
        raise Damaged(str(error)) from None
    except BaseException:
        connection.close()
        raise


def counter_of_copy(path: Path) -> int:
    """Of a copy that nobody has open, and that is only looked at: a full disk is no hindrance. Raises Damaged."""
    try:
        connection = Sqlite(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True))
    except sqlite3.Error as error:
        raise Damaged(str(error)) from None
    try:
        _check_kind(connection)
        return _checked_counter(connection)
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise Damaged(str(error)) from None
    finally:
        connection.close()


def create(path: Path) -> Sqlite:
    """An empty one. Raises HomeportError."""
    connection = _connect(path)
    try:
        _configure(connection)
        connection.executescript(
            f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id = {_APPLICATION_ID}; "
            f"PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;"
        )
    except sqlite3.Error as error:
        connection.close()
        raise storage_error(error) from None
    return connection


def storage_error(error: sqlite3.Error) -> HomeportError:
    """Of a write that failed: nothing of it was written."""
    if _is_surroundings(error):
        return HomeportError(
            ErrorCode.STORAGE_FULL,
            f"the agent's state cannot be written: {error}",
            hint="free disk space or inodes, or mount the disk writable again; what runs keeps running",
        )
    return HomeportError(ErrorCode.INTERNAL, f"the agent's state cannot be written: {error}")


def _connect(path: Path) -> Sqlite:
    try:
        return Sqlite(path, execute_plugins=False)
    except sqlite3.Error as error:
        raise _unusable(path, error) from None


def _configure(connection: Sqlite) -> None:
    """Exclusive: no shared-memory file, which a full disk could not hold, and nobody else may fold the log."""
    for pragma in (
        "locking_mode = EXCLUSIVE",
        "journal_mode = WAL",
        "synchronous = FULL",
        f"wal_autocheckpoint = {_WAL_PAGES}",
        f"journal_size_limit = {_WAL_BYTES}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _check_kind(connection: Sqlite) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if version > _SCHEMA_VERSION:
        raise Damaged(f"it was written by a newer agent (schema {version}, this one knows {_SCHEMA_VERSION})")
    if application != _APPLICATION_ID and version != 1:
        raise Damaged("it is empty" if version == 0 else "it is not an agent's state")


def _checked_counter(connection: Sqlite) -> int:
    problem = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if problem != "ok":
        raise Damaged(str(problem))
    rows.check(connection)
    [counter] = connection.execute("SELECT value FROM counter").fetchone()
    return int(counter)


def _migrate(connection: Sqlite) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == _SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        MIGRATIONS[version](connection)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _explained(path: Path, error: sqlite3.Error) -> Exception:
    return _unusable(path, error) if _is_surroundings(error) else Damaged(str(error))


def _unusable(path: Path, error: sqlite3.Error) -> HomeportError:
    return HomeportError(
        ErrorCode.STORAGE_FULL,
        f"the state file {path} cannot be used: {error}",
        hint="see whether its disk is full or mounted read-only; what runs keeps running",
    )


def _is_surroundings(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    unreadable = code in (sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_READ)
    return code & 0xFF in _SURROUNDINGS and not unreadable
