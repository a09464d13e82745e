"""How long a start of each deployment takes on this node, over restarts of the agent."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

import structlog
from sqlite_utils import Database as Sqlite

from agent.state import rows
from agent.state.database import StateDatabase
from agent.state.rows import Kind
from homeport.core import canonical
from homeport.core.errors import HomeportError

log = structlog.get_logger()

# Of a new start in the mean: the last few count, one that was slow by chance does not.
_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class StartTime:
    deployment_id: str
    seconds: float


class StartTimes:
    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        self._seconds: dict[str, float] = {}
        self._unwritten: set[str] = set()
        self._changed = asyncio.Event()

    async def load(self, deployments: Collection[str]) -> None:
        """Those of other deployments are forgotten."""
        for body in await self._database.run(lambda db: rows.bodies(db, Kind.START_TIME)):
            known: StartTime = canonical.loads(StartTime, body)
            if known.deployment_id in deployments:
                self._seconds[known.deployment_id] = known.seconds
            else:
                await self._database.run(partial(_remove, known.deployment_id))

    def of(self, deployment_id: str) -> float | None:
        """Seconds; None = none has been seen yet."""
        return self._seconds.get(deployment_id)

    def note(self, deployment_id: str, seconds: float) -> None:
        before = self._seconds.get(deployment_id, seconds)
        self._seconds[deployment_id] = before + _WEIGHT * (seconds - before)
        self._unwritten.add(deployment_id)
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled: writes what has changed. What a full disk keeps from being written is learned again."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            unwritten, self._unwritten = self._unwritten, set()
            for deployment_id in unwritten:
                try:
                    await self._write(deployment_id)
                except HomeportError as error:
                    log.warning("a start time is not noted", deployment_id=deployment_id, error=str(error))

    async def _write(self, deployment_id: str) -> None:
        body = canonical.dumps(StartTime(deployment_id, self._seconds[deployment_id]))
        await self._database.run(lambda db: rows.put(db, Kind.START_TIME, deployment_id, body))


def _remove(deployment_id: str, db: Sqlite) -> None:
    rows.remove(db, Kind.START_TIME, deployment_id)
