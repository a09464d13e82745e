"""What a local gateway was told, on the disk, in a file of its own: a site that is cut off goes on with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlite_utils import Database

from agent.state import rows
from agent.state.database import StateDatabase
from agent.state.rows import Kind
from homeport.core import canonical

# (table, key) to JSON, and (table, key, JSON or nothing = gone).
Entries = dict[tuple[str, str], str]
Changes = Iterable[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class LastHeard:
    """`uptime` is of that boot of the host, `wall` unix seconds."""

    boot_id: str
    uptime: float
    wall: float


class SiteStore:
    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    async def load(self) -> tuple[Entries, float, LastHeard | None]:
        """All entries, for how many seconds tokens are accepted, and when the control plane was heard."""
        return await self._database.run(_load)

    async def replace(self, entries: Mapping[tuple[str, str], str], token_seconds: float) -> None:
        """Raises HomeportError when the disk does not take it."""

        def work(db: Database) -> None:
            rows.remove_all(db, Kind.SITE_ENTRY)
            _put(db, ((table, key, text) for (table, key), text in entries.items()), token_seconds)

        await self._database.run(work)

    async def change(self, changes: Changes, token_seconds: float) -> None:
        await self._database.run(lambda db: _put(db, changes, token_seconds))

    async def keep_heard(self, heard: LastHeard) -> None:
        await self._database.run(lambda db: rows.put(db, Kind.SITE_HEARD, "", canonical.dumps(heard)))


def _load(db: Database) -> tuple[Entries, float, LastHeard | None]:
    entries: Entries = {}
    for key, body in rows.items(db, Kind.SITE_ENTRY):
        table, _, name = key.partition("/")
        entries[table, name] = body
    seconds = max((float(body) for body in rows.bodies(db, Kind.SITE_TERMS)), default=0.0)
    heard = [canonical.loads(LastHeard, body) for body in rows.bodies(db, Kind.SITE_HEARD)]
    return entries, seconds, heard[0] if heard else None


def _put(db: Database, changes: Changes, token_seconds: float) -> None:
    for table, key, text in changes:
        if text:
            rows.put(db, Kind.SITE_ENTRY, f"{table}/{key}", text)
        else:
            rows.remove(db, Kind.SITE_ENTRY, f"{table}/{key}")
    rows.put(db, Kind.SITE_TERMS, "", str(token_seconds))
