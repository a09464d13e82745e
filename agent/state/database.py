"""The one SQLite file. One connection, on a thread of its own: a slow disk must not stop the traffic."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog
from sqlite_utils import Database as Sqlite

from homeport.core.errors import ErrorCode, HomeportError

log = structlog.get_logger()
T = TypeVar("T")

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE desired_version (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), store_id TEXT NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE placements (placement_id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE removed_placements (placement_id TEXT PRIMARY KEY);
CREATE TABLE replicas (replica_id TEXT PRIMARY KEY, body TEXT NOT NULL);
"""  # noqa: E501


class StateDatabase:
    """`executor` runs the statements; without one they run on the caller's thread (for loops with a virtual clock)."""

    def __init__(self, connection: Sqlite, executor: Executor | None) -> None:
        self._connection = connection
        self._executor = executor

    @classmethod
    def open(cls, path: Path) -> "StateDatabase":
        """Raises HomeportError when the file is of a newer agent or damaged."""
        executor = ThreadPoolExecutor(1, thread_name_prefix="state")
        try:
            return cls(executor.submit(_open, path).result(), executor)
        except BaseException:
            executor.shutdown()
            raise

    @classmethod
    def open_inline(cls, path: Path) -> "StateDatabase":
        return cls(_open(path), None)

    async def run(self, work: Callable[[Sqlite], T]) -> T:
        """Runs `work` in one transaction, on the disk on return. Raises HomeportError(STORAGE_FULL or INTERNAL)."""
        if self._executor is None:
            return self._transact(work)
        future = asyncio.get_running_loop().run_in_executor(self._executor, self._transact, work)
        # A cancelled caller must not be told "not done" of what is being written.
        return await asyncio.shield(future)

    def close(self) -> None:
        if self._executor is None:
            self._connection.close()
            return
        self._executor.submit(self._connection.close).result()
        self._executor.shutdown()

    def _transact(self, work: Callable[[Sqlite], T]) -> T:
        try:
            with self._connection.atomic():
                return work(self._connection)
        except sqlite3.Error as error:
            full = getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
            raise HomeportError(
                ErrorCode.STORAGE_FULL if full else ErrorCode.INTERNAL,
                f"the agent's state cannot be written: {error}",
                hint="free disk space; what runs keeps running" if full else "",
            ) from error


def _open(path: Path) -> Sqlite:
    connection = Sqlite(path, execute_plugins=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise HomeportError(
            ErrorCode.INTERNAL,
            f"the state file {path} cannot be opened: {error}",
            hint="move it aside; the agent then gets its desired state from the control plane again",
        ) from None
    if version > _SCHEMA_VERSION:
        connection.close()
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"the state file {path} was written by a newer agent (schema {version}, this one knows {_SCHEMA_VERSION})",
            hint="install that version of the agent again",
        )
    return connection
