"""What the agent remembers of GPUs that failed, over restarts of itself and of the host."""

from dataclasses import dataclass

from agent.state import rows
from agent.state.database import StateDatabase
from agent.state.rows import Kind
from homeport.core import canonical


@dataclass(frozen=True, slots=True)
class GpuRecord:
    """`fault` is why it is in quarantine, since then (unix seconds); empty = it was cleared, with that many memory
    errors forgiven. Name and size are those that it had."""

    uuid: str
    name: str
    memory_bytes: int
    fault: str = ""
    since: float = 0.0
    ecc_forgiven: int = 0


class GpuRecords:
    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    async def load(self) -> list[GpuRecord]:
        bodies = await self._database.run(lambda db: rows.bodies(db, Kind.GPU))
        return [canonical.loads(GpuRecord, body) for body in bodies]

    async def put(self, record: GpuRecord) -> None:
        body = canonical.dumps(record)
        await self._database.run(lambda db: rows.put(db, Kind.GPU, record.uuid, body))
