"""Placements and replicas: what the scheduler has decided, and what runs. Read only."""

from pydantic import BaseModel

from controlplane.api.list_query import ListQuery
from controlplane.api.lists import list_answer, seen_items
from controlplane.api.queries import PlacementQuery, ReplicaQuery
from controlplane.api.routing import Answer, Call, Handler, Route, somewhere
from controlplane.auth.places import REPLICA, TO_SEE
from controlplane.store.store import Kind, Store
from controlplane.views.views import Views
from homeport.schema.deployment_resources import Placement, Replica


class Running:
    def __init__(self, store: Store, views: Views) -> None:
        self._store = store
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
        return Route("GET", f"/{tag}", self._list(kind), tag, summary, query=query, response=response, many=True,
                     permission=TO_SEE[kind], at=somewhere)  # fmt: skip

    def _list(self, kind: str) -> Handler:
        async def handle(call: Call) -> Answer:
            await self._views.refresh()
            items = seen_items(call.guard, self._store, kind, self._views.of(kind).items())
            return await list_answer(items, call.query, self._views.seq)

        return handle
