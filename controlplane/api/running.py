"""Placements and replicas: what the scheduler has decided, and what runs. Read only."""

from pydantic import BaseModel

from controlplane.api.list_query import ListQuery
from controlplane.api.lists import list_answer
from controlplane.api.queries import PlacementQuery, ReplicaQuery
from controlplane.api.routing import Answer, Call, Handler, Route
from controlplane.store.store import Kind
from controlplane.views.views import REPLICA, Views
from homeport.schema.resources import Placement, Replica


class Running:
    def __init__(self, views: Views) -> None:
        self._views = views

    def routes(self) -> list[Route]:
        return [
            self._route(
                Kind.PLACEMENT,
                "List placements: which node may run how many replicas of what",
                PlacementQuery,
                Placement,
            ),
            self._route(REPLICA, "List replicas as their agents reported them last", ReplicaQuery, Replica),
        ]

    def _route(self, kind: str, summary: str, query: type[ListQuery], response: type[BaseModel]) -> Route:
        tag = self._views.of(kind).name
        return Route("GET", f"/{tag}", self._list(kind), tag, summary, query=query, response=response, many=True)

    def _list(self, kind: str) -> Handler:
        async def handle(call: Call) -> Answer:
            await self._views.refresh()
            return await list_answer(self._views.of(kind).items(), call.query, self._views.seq)

        return handle
