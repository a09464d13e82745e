"""Gateways of the control plane, on the disk: an agent that starts while the control plane is away dials them all the
same."""

import json

from agent.state import rows
from agent.state.database import StateDatabase
from agent.state.rows import Kind


class GatewayTargetStore:
    """Of their tunnel ports, as the control plane told them: host:port, or :port of its own host."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        self.kept: tuple[str, ...] = ()

    async def load(self) -> None:
        for body in await self._database.run(lambda db: rows.bodies(db, Kind.GATEWAY_TARGETS)):
            self.kept = tuple(json.loads(body))

    async def keep(self, targets: tuple[str, ...]) -> None:
        """Raises HomeportError when the disk does not take it."""
        if targets != self.kept:
            body = json.dumps(targets)
            await self._database.run(lambda db: rows.put(db, Kind.GATEWAY_TARGETS, "", body))
            self.kept = targets
