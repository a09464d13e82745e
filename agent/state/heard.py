"""When the control plane was heard last, on the disk: a restart of the agent does not begin the silence anew."""

from dataclasses import dataclass

from agent.state import rows
from agent.state.database import StateDatabase
from agent.state.rows import Kind
from homeport.core import canonical


@dataclass(frozen=True, slots=True)
class Heard:
    """`uptime_seconds` of that boot of the host."""

    boot_id: str
    uptime_seconds: float


class HeardStore:
    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    async def load(self) -> Heard | None:
        for body in await self._database.run(lambda db: rows.bodies(db, Kind.HEARD)):
            heard: Heard = canonical.loads(Heard, body)
            return heard
        return None

    async def keep(self, heard: Heard) -> None:
        await self._database.run(lambda db: rows.put(db, Kind.HEARD, "", canonical.dumps(heard)))
