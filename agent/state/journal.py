"""What the agent has started: intent before, handle after, so that a restart finds everything again."""

from dataclasses import dataclass, field
from enum import StrEnum

from agent.drivers.driver import Handle
from agent.state import rows
from agent.state.database import StateDatabase
from agent.state.rows import Kind
from homeport.core import canonical
from homeport.core.history.cold_start import StartParts
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
    # Of its newest start: when it was ordered, unix seconds, and where the time went as far as that is known.
    ordered_at: float = 0.0
    start_parts: StartParts = field(default_factory=StartParts)
    # False for one that was found running when its note was lost, as long as nobody says what its workload is.
    remembered: bool = True
    # It did not end when it was killed: it gets no requests, and its devices are given to nobody, until it is gone.
    fenced: bool = False
    # Thousandths of each of its GPUs.
    gpu_milli: int = 1000


class ReplicaJournal:
    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    async def load(self) -> list[ReplicaRecord]:
        bodies = await self._database.run(lambda db: rows.bodies(db, Kind.REPLICA))
        return [canonical.loads(ReplicaRecord, body) for body in bodies]

    async def put(self, record: ReplicaRecord) -> None:
        body = canonical.dumps(record)
        await self._database.run(lambda db: rows.put(db, Kind.REPLICA, record.replica_id, body))

    async def remove(self, replica_id: str) -> None:
        await self._database.run(lambda db: rows.remove(db, Kind.REPLICA, replica_id))
