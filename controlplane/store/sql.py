"""The durable store, on SQLite or PostgreSQL.

Writes that arrive while one commit is under way go out together in the next: one fsync acknowledges all of them.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import structlog

from controlplane.store.audit import AuditEntry, AuditQuery
from controlplane.store.changelog import KEEP, ChangeLog
from controlplane.store.database import Database
from controlplane.store.history import (
    HistoryQuery,
    KeptEntry,
    KeptMinute,
    KeptUsage,
    NodeHistory,
    Retention,
    TrafficQuery,
)
from controlplane.store.objects import Objects
from controlplane.store.state import State, StateReader, closed_error, new_store_id
from controlplane.store.store import Problem, Transaction
from controlplane.store.transaction import Batch
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.histogram import LAG_BOUNDS, Histogram

log = structlog.get_logger()

T = TypeVar("T")

# Bounds how long the event loop is held while a batch is acknowledged.
_BATCH = 512
_PROBE_SECONDS = 3.0


@dataclass(slots=True, eq=False)
class _Write:
    change: Callable[[Transaction], Any]
    done: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class SqlStore(StateReader):
    """`url`: `sqlite:////DIR/homeport.db` or `postgresql+psycopg://...`. `wall` gives unix seconds."""

    def __init__(self, url: str, wall: Callable[[], float] = time.time, keep_changes: int = KEEP) -> None:
        self.url = url
        self._database = Database(url)
        self._wall = wall
        self._keep = keep_changes
        self._state = State()
        self._pending: deque[_Write] = deque()
        self._work = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None
        # A batch whose commit failed without a clear answer: the database may hold it.
        self._in_doubt: Batch | None = None
        self._problem: Problem | None = None
        self._closing = False
        # Of batches, in seconds.
        self.commits = Histogram(LAG_BOUNDS)

    async def open(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        try:
            contents = await self._in_thread(self._database.open, new_store_id())
        except BaseException:
            self._thread.shutdown()
            raise
        changes = ChangeLog(contents.seq, contents.changes_floor, contents.changes, self._keep)
        self._state = State(contents.store_id, Objects(contents.records), changes)
        self._closing = False
        self._writer = asyncio.create_task(self._write_until_closed(), name="store-writer")
        log.info("store opened", store_id=contents.store_id, seq=contents.seq, objects=len(contents.records))

    async def close(self) -> None:
        """Commits what is pending first."""
        if self._writer is None or self._thread is None:
            return
        self._closing = True
        self._work.set()
        await self._writer
        self._writer = None
        self._state.log.close()
        await self._in_thread(self._database.close)
        self._thread.shutdown()

    @property
    def problem(self) -> Problem | None:
        return self._problem

    async def renumber(self) -> None:
        store_id = new_store_id()
        await self._in_thread(self._database.renumber, store_id)
        log.warning("store renumbered", before=self._state.store_id, after=store_id, seq=self._state.seq)
        self._state.store_id = store_id

    async def audit_entries(self, query: AuditQuery) -> list[AuditEntry]:
        return await self._in_thread(self._database.read_audit, query)

    async def forget_audit(self, before: float) -> int:
        return await self._in_thread(self._database.forget_audit, before)

    async def keep_history(self, told: Sequence[NodeHistory]) -> None:
        await self._in_thread(self._database.keep_history, told)

    async def history(self, query: HistoryQuery) -> list[KeptEntry]:
        return await self._in_thread(self._database.read_history, query)

    async def traffic(self, query: TrafficQuery) -> list[KeptMinute]:
        return await self._in_thread(self._database.read_traffic, query)

    async def site_usage(self, token_id: str) -> list[KeptUsage]:
        return await self._in_thread(self._database.read_site_usage, token_id)

    async def trim_history(self, retention: Retention) -> int:
        return await self._in_thread(self._database.trim_history, retention)

    async def write(self, change: Callable[[Transaction], T]) -> T:
        """A cancelled caller's write may still be committed."""
        if self._writer is None or self._closing:
            raise closed_error()
        done = asyncio.get_running_loop().create_future()
        self._pending.append(_Write(change, done))
        self._work.set()
        return cast(T, await done)

    async def _write_until_closed(self) -> None:
        try:
            await self._write_batches()
        finally:
            # However the writer ends, nobody waits for it in vain.
            self._closing = True
            _fail(list(self._pending), closed_error())
            self._pending.clear()

    async def _write_batches(self) -> None:
        while self._pending or not self._closing:
            if not self._pending:
                await self._idle()
                continue
            writes = [self._pending.popleft() for _ in range(min(_BATCH, len(self._pending)))]
            began = time.monotonic()
            try:
                await self._settle_doubt()
                batch = await self._in_thread(self._run_and_commit, writes)
                self.commits.observe(time.monotonic() - began)
                self._state.apply(batch)
            except HomeportError as error:
                log.error("writes failed", writes=len(writes), error=str(error))
                self._failed(error)
                _fail(writes, error)
            except Exception as error:
                log.exception("writes failed", writes=len(writes))
                _fail(writes, HomeportError(ErrorCode.INTERNAL, f"the store failed: {error}"))
            else:
                if batch.changes:
                    self._problem = None
                _acknowledge(writes)

    async def _idle(self) -> None:
        """Until there is work. While there is a problem it looks by itself whether that is over."""
        self._work.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._work.wait(), _PROBE_SECONDS if self._problem else None)
        if self._problem and not self._pending and not self._closing:
            try:
                await self._settle_doubt()
                await self._in_thread(self._database.prove_writable)
            except HomeportError as error:
                self._failed(error)
            else:
                self._problem = None
                log.info("the store can be written again")

    def _failed(self, error: HomeportError) -> None:
        self._problem = Problem(error, self._problem.since if self._problem else self._wall())

    def _run_and_commit(self, writes: list[_Write]) -> Batch:
        """On the writer's thread."""
        batch = self._state.begin(self._wall())
        for write in writes:
            try:
                write.result = batch.run(write.change)
            except Exception as error:
                write.error = error
        if batch.changes:
            self._commit(batch)
        elif batch.audited:
            self._database.commit_audit(batch.audited)
        return batch

    def _commit(self, batch: Batch) -> None:
        before = self._state.seq
        try:
            self._database.commit(batch, before, self._state.log.floor)
        except HomeportError:
            found = self._database.committed_seq()
            if found == batch.seq:
                return  # only the answer was lost
            if found is None:
                self._in_doubt = batch
            raise

    async def _settle_doubt(self) -> None:
        """Finds out what became of a commit that ended without an answer. Raises while the database is away."""
        if self._in_doubt is None:
            return
        found = await self._in_thread(self._database.committed_seq)
        if found is None:
            raise HomeportError(
                ErrorCode.UNAVAILABLE,
                "the database cannot be reached",
                hint="see the server's log",
                retry_after_seconds=2,
            )
        if found == self._in_doubt.seq:
            self._state.apply(self._in_doubt)
        self._in_doubt = None

    async def _in_thread(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)


def _acknowledge(writes: list[_Write]) -> None:
    for write in writes:
        if write.done.done():
            continue  # its caller was cancelled
        if isinstance(write.error, StopIteration):
            write.done.set_exception(RuntimeError("a change raised StopIteration"))
        elif write.error is not None:
            write.done.set_exception(write.error)
        else:
            write.done.set_result(write.result)


def _fail(writes: list[_Write], error: HomeportError) -> None:
    """A change that raised by itself keeps its own error."""
    for write in writes:
        if not write.done.done():
            # One object raised by many tasks would collect all their tracebacks.
            write.done.set_exception(write.error or error.with_path(error.path))
