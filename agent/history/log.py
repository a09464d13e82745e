"""What waits to be told, on the disk, numbered: told late rather than never, and taken once however often it is told.

It has a file of its own. What is noted every minute is not worth what the agent's state is: that file is copied after
each change, and nothing here may make it large.
"""

import asyncio
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlite_utils import Database as Sqlite

from agent.state import rows
from agent.state.database import StateDatabase
from agent.state.rows import Kind
from homeport.core import canonical
from homeport.core.errors import HomeportError
from homeport.core.history.entry import TYPES, Entry, EntryKind, Page, Told, kind_of

log = structlog.get_logger()

# Eight days of the minutes of eight busy deployments. Beyond that the oldest go.
MOST_ENTRIES = 100_000
# How much may wait for a disk that is full.
_MOST_UNWRITTEN = 10_000
_TRY_AGAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Log:
    """Entries `first` to `next` - 1 are in the file."""

    log_id: str
    first: int = 1
    next: int = 1


class HistoryLog:
    def __init__(self, database: StateDatabase, most_entries: int = MOST_ENTRIES) -> None:
        self.filled = asyncio.Event()
        self._database = database
        self._most = most_entries
        self._log = _Log(uuid.uuid4().hex)
        self._unwritten: list[tuple[str, float, Told]] = []
        self._added = asyncio.Event()
        # What is numbered, and what is forgotten, is so from one state of the file to the next.
        self._changing = asyncio.Lock()

    @property
    def untold(self) -> int:
        """How many entries are on the disk."""
        return self._log.next - self._log.first

    @property
    def unwritten(self) -> int:
        return len(self._unwritten)

    async def load(self) -> None:
        """Goes on where the last agent ended."""
        for body in await self._database.run(lambda db: rows.bodies(db, Kind.HISTORY_LOG)):
            self._log = canonical.loads(_Log, body)
        self._look()

    def add(self, deployment_id: str, time: float, told: Told) -> None:
        """Of the node's clock, unix seconds. It is on the disk a moment later."""
        self._unwritten.append((deployment_id, time, told))
        self._added.set()

    async def run(self) -> None:
        """Until cancelled: writes what is added."""
        while True:
            await self._added.wait()
            self._added.clear()
            while self._unwritten:
                try:
                    await self.write()
                except HomeportError as error:
                    log.warning("history not written", entries=len(self._unwritten), error=str(error))
                    del self._unwritten[:-_MOST_UNWRITTEN]
                    await asyncio.sleep(_TRY_AGAIN_SECONDS)

    async def write(self) -> None:
        """What was added so far. Raises HomeportError when the disk does not take it."""
        async with self._changing:
            await self._write(list(self._unwritten))

    async def _write(self, added: list[tuple[str, float, Told]]) -> None:
        if not added:
            return
        numbered = [Entry(number, *each) for number, each in enumerate(added, self._log.next)]
        following = self._log.next + len(added)
        first = max(self._log.first, following - self._most)
        if first > self._log.first:
            log.warning("the oldest of the history goes: too much waits", entries=first - self._log.first)
        await self._save(_Log(self._log.log_id, first, following), numbered)
        del self._unwritten[: len(added)]

    async def oldest(self, count: int) -> Page:
        bodies = await self._database.run(lambda db: rows.first_bodies(db, Kind.HISTORY, count))
        return Page(self._log.log_id, tuple(map(_entry_of, bodies)))

    async def forget(self, number: int) -> None:
        """That one and all before it."""
        async with self._changing:
            if number >= self._log.first:
                await self._save(_Log(self._log.log_id, min(number + 1, self._log.next), self._log.next), ())

    async def _save(self, changed: _Log, entries: Sequence[Entry]) -> None:
        def work(db: Sqlite) -> None:
            for entry in entries:
                rows.put(db, Kind.HISTORY, _key(entry.number), _body_of(entry))
            rows.remove_through(db, Kind.HISTORY, _key(changed.first - 1))
            rows.put(db, Kind.HISTORY_LOG, "", canonical.dumps(changed))

        await self._database.run(work)
        self._log = changed
        self._look()

    def _look(self) -> None:
        if self._log.first < self._log.next:
            self.filled.set()
        else:
            self.filled.clear()


def _key(number: int) -> str:
    """In the order of the numbers."""
    return f"{number:020d}"


def _body_of(entry: Entry) -> str:
    return canonical.dumps({"kind": kind_of(entry.told), "entry": entry})


def _entry_of(body: str) -> Entry:
    plain: dict[str, Any] = json.loads(body)
    told = canonical.from_plain(TYPES[EntryKind(plain["kind"])], plain["entry"]["told"])
    return Entry(plain["entry"]["number"], plain["entry"]["deployment_id"], plain["entry"]["time"], told)
