"""The newest epoch that this node was granted, on the disk: a state directory that was set back has an older one."""

from sqlite_utils import Database

from agent.state import rows
from agent.state.database import StateDatabase
from agent.state.rows import Kind


class EpochStore:
    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        self.kept = 0

    async def load(self) -> None:
        """A file that was mended may be a moment old, which must not look as if somebody had set it back."""
        if not self._database.notes:
            self.kept = await self._database.run(_load)

    async def keep(self, epoch: int) -> None:
        """Raises HomeportError when the disk does not take it."""
        if epoch > self.kept:
            await self._database.run(lambda db: rows.put(db, Kind.EPOCH, "", str(epoch)))
            self.kept = epoch


def _load(db: Database) -> int:
    return max((int(body) for body in rows.bodies(db, Kind.EPOCH)), default=0)
