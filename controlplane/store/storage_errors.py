"""Database failures in words that a person can act on."""

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from homeport.core.errors import ErrorCode, HomeportError

_POSTGRESQL_DISK_FULL = "53100"


def storage_error(error: DBAPIError) -> HomeportError:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _sqlite_error(cause)
    if getattr(cause, "sqlstate", None) == _POSTGRESQL_DISK_FULL:
        return _full()
    return _unavailable(cause)


def damaged(path: str, problem: str) -> HomeportError:
    return HomeportError(
        ErrorCode.INTERNAL,
        f"the database {path} is damaged: {problem}",
        hint="restore it from a backup, or move it away to begin with an empty one",
    )


def unusable(directory: Path, error: OSError) -> HomeportError:
    """Of a data directory in which a file cannot be made, opened or written."""
    return HomeportError(
        ErrorCode.STORAGE_FULL,
        f"the data directory {directory} cannot be used: {error.strerror or error}",
        hint="see whether its disk is full (df, df -i) or mounted read-only, and who owns it; gateways and models that "
        "run keep serving",
    )


def lost_lock() -> HomeportError:
    return HomeportError(
        ErrorCode.CONFLICT,
        "the database is in use by another homeport-server",
        hint="stop that server, or choose another database with --database",
        retry_after_seconds=5,
    )


def overtaken() -> HomeportError:
    """A guard against two servers that both believe to own the data."""
    return HomeportError(
        ErrorCode.CONFLICT,
        "another homeport-server has written to this database",
        hint="run one server per database and restart this one",
    )


def _sqlite_error(cause: sqlite3.Error) -> HomeportError:
    name = getattr(cause, "sqlite_errorname", "")
    if name == "SQLITE_FULL":
        return _full()
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_IOERR")):
        return HomeportError(
            ErrorCode.STORAGE_FULL,
            f"the control plane's data cannot be written ({cause}): nothing was written",
            hint="see whether its disk is mounted read-only, has errors (dmesg) or no inodes left (df -i), and who "
            "owns the directory; no restart is needed once it can be written. Models keep serving meanwhile",
            retry_after_seconds=10,
        )
    if name.startswith("SQLITE_BUSY"):
        return HomeportError(
            ErrorCode.CONFLICT,
            "the database file is open in another program",
            hint="close that program (a database browser, a backup of the live file)",
        )
    return _unavailable(cause)


def _full() -> HomeportError:
    return HomeportError(
        ErrorCode.STORAGE_FULL,
        "the disk with the control plane's data is full: nothing was written",
        hint="free some space; no restart is needed. Models keep serving meanwhile",
        retry_after_seconds=10,
    )


def _unavailable(cause: BaseException | None) -> HomeportError:
    return HomeportError(
        ErrorCode.UNAVAILABLE,
        f"the database failed: {str(cause).strip() or type(cause).__name__}",
        hint="see the server's log; the write may be tried again",
        retry_after_seconds=2,
    )
