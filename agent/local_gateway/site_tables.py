"""What the control plane tells a local gateway of its cluster: on the disk, and in the tables that requests read."""

import json
from collections.abc import Awaitable, Callable

import structlog

from agent.state.site import Entries, SiteStore
from homeport.core.errors import HomeportError
from homeport.gateway.tables import GatewayTables

log = structlog.get_logger()

# Of one site. More is not taken: an agent has its memory from the models.
MOST_ENTRIES = 50_000
MOST_BYTES = 32 << 20


class SiteTables:
    """`tables` are what the gateway reads."""

    def __init__(self, tables: GatewayTables, store: SiteStore) -> None:
        self.problem = ""
        self._tables = tables
        self._store = store
        # Of a snapshot of which parts are still to come.
        self._parts: Entries | None = None
        self._bytes = 0

    def load(self, entries: Entries) -> None:
        """As the disk has them."""
        self._replace(entries)

    async def take(self, first: bool, last: bool, changes: list[tuple[str, str, str]], token_seconds: float) -> bool:
        """Whether the tables are as the control plane has them now: not between the parts of a snapshot."""
        if first:
            self._parts, self._bytes = {}, 0
        if self._parts is None:
            await self._keep(lambda: self._store.change(changes, token_seconds))
            for table, key, text in changes:
                self._put(table, key, text)
            return True
        self._bytes += sum(len(text) for _, _, text in changes)
        if self._bytes > MOST_BYTES or len(self._parts) > MOST_ENTRIES:
            self.problem = f"the control plane tells more than {MOST_ENTRIES} entries or {MOST_BYTES >> 20} MiB"
            log.error("this site is too large for a local gateway", problem=self.problem)
            return False
        self._parts.update(((table, key), text) for table, key, text in changes)
        if not last:
            return False
        entries, self._parts = self._parts, None
        await self._keep(lambda: self._store.replace(entries, token_seconds))
        self._replace(entries)
        self.problem = ""
        return True

    async def _keep(self, write: Callable[[], Awaitable[None]]) -> None:
        """What was revoked is refused, whatever the disk does."""
        try:
            await write()
        except HomeportError as error:
            log.error("what this gateway was told is not on the disk", error=str(error))

    def _replace(self, entries: Entries) -> None:
        for (table, key), text in entries.items():
            self._put(table, key, text)
        self._tables.keep_only(set(entries))

    def _put(self, table: str, key: str, text: str) -> None:
        """What a newer control plane means by it, and this agent cannot read, is as good as not told."""
        try:
            value = json.loads(text) if text else None
            self._tables.put(table, key, value)
        except (ValueError, TypeError, KeyError) as error:
            log.error("an entry of the site's tables cannot be read", table=table, key=key, error=repr(error))
