"""The desired state on disk. What stands here was accepted; it is acted on only after it stands here."""

import structlog
from sqlite_utils import Database

from agent.placement import DesiredState, Placement, Version
from agent.state.database import StateDatabase
from homeport.core import canonical

log = structlog.get_logger()


class DesiredStateStore:
    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    async def load(self) -> DesiredState:
        return await self._database.run(_load)

    async def save(self, state: DesiredState) -> None:
        """Replaces the whole state in one transaction."""

        def write(db: Database) -> None:
            db.execute("DELETE FROM placements")
            db.execute("DELETE FROM removed_placements")
            rows = ({"placement_id": p.placement_id, "body": canonical.dumps(p)} for p in state.placements.values())
            db.table("placements").insert_all(rows)
            db.table("removed_placements").insert_all({"placement_id": key} for key in sorted(state.removed))
            version = {"only_row": 1, "store_id": state.version.store_id, "seq": state.version.seq}
            db.table("desired_version").insert(version, pk="only_row", replace=True)

        await self._database.run(write)


def _load(db: Database) -> DesiredState:
    version = db.execute("SELECT store_id, seq FROM desired_version").fetchone()
    placements = [canonical.loads(Placement, body) for (body,) in db.execute("SELECT body FROM placements").fetchall()]
    removed = frozenset(key for (key,) in db.execute("SELECT placement_id FROM removed_placements").fetchall())
    return DesiredState(Version(*version) if version else Version(), {p.placement_id: p for p in placements}, removed)
