"""The one SQLite file. One connection, on a thread of its own: a slow disk must not stop the traffic."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog
from sqlite_utils import Database as Sqlite

from agent.state.files import sync_directory, sync_file
from agent.state.recovery import copy_of, open_or_recover
from agent.state.rows import Damaged
from agent.state.sqlite_file import counter_of_copy, storage_error

log = structlog.get_logger()
T = TypeVar("T")

# Transactions that come one after another are copied together.
_LEAST_SECONDS_BETWEEN_COPIES = 1.0


class StateDatabase:
    """`executor` runs the statements; without one they run on the caller's thread (for loops with a virtual clock).

    `notes` say what was wrong with the file when it was opened. Without `copied` there is no second copy of it.
    """

    def __init__(self, path: Path, executor: Executor | None, copied: bool = True) -> None:
        """Raises HomeportError when the disk is at fault; a damaged file is put aside, and its copy is used."""
        self._path = path
        self._executor = executor
        self._copied = copied
        self._written = asyncio.Event()
        self._connection, self.notes = open_or_recover(path)

    @classmethod
    def open(cls, path: Path, copied: bool = True) -> "StateDatabase":
        executor = ThreadPoolExecutor(1, thread_name_prefix="state")
        try:
            return executor.submit(cls, path, executor, copied).result()
        except BaseException:
            executor.shutdown()
            raise

    @classmethod
    def open_inline(cls, path: Path, copied: bool = True) -> "StateDatabase":
        return cls(path, None, copied)

    async def run(self, work: Callable[[Sqlite], T]) -> T:
        """Runs `work` in one transaction, on the disk on return. Raises HomeportError(STORAGE_FULL or INTERNAL)."""
        result, wrote = await self._on_its_thread(lambda: self._transact(work))
        if wrote:
            self._written.set()
        return result

    async def keep_copy(self) -> None:
        """Until cancelled: keeps the second copy, at most a moment behind."""
        while True:
            self._written.clear()
            await self._on_its_thread(self._copy)
            await asyncio.sleep(_LEAST_SECONDS_BETWEEN_COPIES)
            await self._written.wait()

    def close(self) -> None:
        if self._executor is None:
            self._finish()
            return
        self._executor.submit(self._finish).result()
        self._executor.shutdown()

    def _finish(self) -> None:
        if self._copied and self._written.is_set():
            self._copy()
        self._connection.close()

    async def _on_its_thread(self, function: Callable[[], T]) -> T:
        if self._executor is None:
            return function()
        future = asyncio.get_running_loop().run_in_executor(self._executor, function)
        # A cancelled caller must not be told "not done" of what is being written.
        return await asyncio.shield(future)

    def _transact(self, work: Callable[[Sqlite], T]) -> tuple[T, bool]:
        changes = self._connection.conn.total_changes
        try:
            with self._connection.atomic():
                result = work(self._connection)
                wrote = self._connection.conn.total_changes != changes
                if wrote:
                    self._connection.execute("UPDATE counter SET value = value + 1")
        except sqlite3.Error as error:
            raise storage_error(error) from error
        return result, wrote

    def _copy(self) -> None:
        """Only a sound copy replaces the one before. Without one nothing is lost yet, so a full disk is no error."""
        copy = copy_of(self._path)
        temporary = copy.with_name(copy.name + ".tmp")
        try:
            temporary.unlink(missing_ok=True)
            self._connection.execute("VACUUM INTO ?", [str(temporary)])
            counter_of_copy(temporary)
            sync_file(temporary)
            temporary.replace(copy)
            sync_directory(copy.parent)
        except (sqlite3.Error, OSError, Damaged) as error:
            log.warning("the copy of the agent's state is behind", error=str(error))
