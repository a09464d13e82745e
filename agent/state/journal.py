"""What the agent has started: intent before, handle after, so that a restart finds everything again."""

from dataclasses import dataclass, field
from enum import StrEnum

from sqlite_utils import Database

from agent.drivers.driver import Handle
from agent.state.database import StateDatabase
from homeport.core import canonical
from homeport.core.workload import Workload


class Stage(StrEnum):
    """INTENT: the driver may have been called. STARTED: it answered with a handle. READY: a probe succeeded."""

    INTENT = "intent"
    STARTED = "started"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class ReplicaRecord:
    """One replica. It keeps the workload that it was started with: its placement may change or go."""

    replica_id: str
    placement_id: str
    deployment_id: str
    revision: int
    spec_hash: str
    workload: Workload
    gpu_uuids: tuple[str, ...] = ()
    # Of a placement of this deployment, in the order in which they were made.
    number: int = 0
    stage: Stage = Stage.INTENT
    handle: Handle | None = field(default=None)
    restarts: int = 0
    start_ms: int = 0


class ReplicaJournal:
    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    async def load(self) -> list[ReplicaRecord]:
        def read(db: Database) -> list[ReplicaRecord]:
            rows = db.execute("SELECT body FROM replicas").fetchall()
            return [canonical.loads(ReplicaRecord, body) for (body,) in rows]

        return await self._database.run(read)

    async def put(self, record: ReplicaRecord) -> None:
        row = {"replica_id": record.replica_id, "body": canonical.dumps(record)}
        await self._database.run(lambda db: db.table("replicas").insert(row, pk="replica_id", replace=True))

    async def remove(self, replica_id: str) -> None:
        await self._database.run(lambda db: db.execute("DELETE FROM replicas WHERE replica_id = ?", [replica_id]))
