"""Placements and replicas: what the scheduler has decided, and what runs. Read only."""

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.resources import envelope, listing
from controlplane.api.routing import Answer, Call, Query, Route
from controlplane.fleet.overview import Overview
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode
from homeport.schema.resources import Placement, Replica


class RunningQuery(Query):
    deployment: str | None = None
    """Only those of this deployment."""
    node: str | None = None
    """Only those on the node with this id or name."""


class Running:
    def __init__(self, dependencies: ApiDependencies, overview: Overview) -> None:
        self._store = dependencies.store
        self._overview = overview

    def routes(self) -> list[Route]:
        errors = (ErrorCode.INVALID_ARGUMENT,)
        return [
            Route(
                "GET",
                "/placements",
                self.placements,
                "placements",
                "List placements: which node may run how many replicas of what",
                query=RunningQuery,
                response=Placement,
                many=True,
                errors=errors,
            ),
            Route(
                "GET",
                "/replicas",
                self.replicas,
                "replicas",
                "List replicas as their agents reported them last",
                query=RunningQuery,
                response=Replica,
                many=True,
                errors=errors,
            ),
        ]

    async def placements(self, call: Call) -> Answer:
        query: RunningQuery = call.query
        node_id = self._node_id(query)
        wanted = [
            placement
            for placement in self._store.all(Kind.PLACEMENT)
            if query.deployment in (None, placement.spec["deployment_id"])
            and node_id in (None, placement.spec["node_id"])
        ]
        states = self._overview.placements(wanted)
        return listing(self._store, map(envelope, wanted, states))

    async def replicas(self, call: Call) -> Answer:
        query: RunningQuery = call.query
        return listing(self._store, self._overview.replicas(query.deployment, self._node_id(query)))

    def _node_id(self, query: RunningQuery) -> str | None:
        """A node's name stands for its id; one that nobody has matches nothing."""
        ids = {name: id for id, name in self._overview.node_names().items()}
        return ids.get(query.node, query.node) if query.node is not None else None
