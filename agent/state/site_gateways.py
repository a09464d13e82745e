"""Local gateways of this node's cluster, on the disk: they are dialled whether the control plane is there or not."""

import json
from dataclasses import dataclass

from agent.state import rows
from agent.state.database import StateDatabase
from agent.state.rows import Kind


@dataclass(frozen=True, slots=True)
class SiteGateway:
    """`target` is host:port of its tunnel port; its certificate must name the node."""

    node_id: str
    target: str


class SiteGatewayStore:
    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        self.kept: tuple[SiteGateway, ...] = ()

    async def load(self) -> None:
        for body in await self._database.run(lambda db: rows.bodies(db, Kind.SITE_GATEWAYS)):
            self.kept = tuple(SiteGateway(*each) for each in json.loads(body))

    async def keep(self, gateways: tuple[SiteGateway, ...]) -> None:
        """Raises HomeportError when the disk does not take it."""
        if gateways != self.kept:
            body = json.dumps([[each.node_id, each.target] for each in gateways])
            await self._database.run(lambda db: rows.put(db, Kind.SITE_GATEWAYS, "", body))
            self.kept = gateways
