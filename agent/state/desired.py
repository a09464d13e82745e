"""The desired state on disk. What stands here was accepted; it is acted on only after it stands here."""

from dataclasses import dataclass, field

from sqlite_utils import Database

from agent.placement import DesiredState, Placement, Version
from agent.state import rows
from agent.state.database import StateDatabase
from agent.state.rows import Kind
from homeport.core import canonical


@dataclass(frozen=True, slots=True)
class _Stored:
    version: Version = field(default_factory=Version)
    placements: tuple[Placement, ...] = ()
    removed: tuple[str, ...] = ()
    named_by: dict[str, str] = field(default_factory=dict)


class DesiredStateStore:
    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    async def load(self) -> DesiredState:
        return await self._database.run(_load)

    async def save(self, state: DesiredState) -> None:
        """Replaces the whole state in one transaction."""
        stored = _Stored(state.version, tuple(state.placements.values()), tuple(sorted(state.removed)), state.named_by)
        body = canonical.dumps(stored)
        await self._database.run(lambda db: rows.put(db, Kind.DESIRED, "", body))


def _load(db: Database) -> DesiredState:
    for body in rows.bodies(db, Kind.DESIRED):
        stored = canonical.loads(_Stored, body)
        placements = {placement.placement_id: placement for placement in stored.placements}
        return DesiredState(stored.version, placements, frozenset(stored.removed), stored.named_by)
    return DesiredState()
