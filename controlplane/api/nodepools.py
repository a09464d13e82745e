from controlplane.api.dependencies import ApiDependencies
from controlplane.api.resources import CREATE_ERRORS, DELETE_ERRORS, create, delete, envelope, find, listing
from controlplane.api.routing import Answer, Call, Query, Route
from controlplane.fleet.nodepools import accept_nodepool, delete_nodepool, nodepool_key
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode
from homeport.schema.nodepool import NodepoolSpec
from homeport.schema.resources import Nodepool

_TAG = "nodepools"


class NodepoolQuery(Query):
    cluster: str | None = None
    """Only those of this cluster."""


class Nodepools:
    def __init__(self, dependencies: ApiDependencies) -> None:
        self._store = dependencies.store

    def routes(self) -> list[Route]:
        item = "/nodepools/{cluster}/{nodepool}"
        return [
            Route(
                "GET",
                "/nodepools",
                self.show_all,
                _TAG,
                "List nodepools",
                query=NodepoolQuery,
                response=Nodepool,
                many=True,
                errors=(ErrorCode.INVALID_ARGUMENT,),
            ),
            Route(
                "POST",
                "/nodepools",
                self.create,
                _TAG,
                "Create a nodepool",
                body=NodepoolSpec,
                root="nodepool",
                status=201,
                response=Nodepool,
                errors=CREATE_ERRORS,
            ),
            Route("GET", item, self.get, _TAG, "Show a nodepool", response=Nodepool, errors=(ErrorCode.NOT_FOUND,)),
            Route("DELETE", item, self.delete, _TAG, "Delete an empty nodepool", status=204, errors=DELETE_ERRORS),
        ]

    async def show_all(self, call: Call) -> Answer:
        query: NodepoolQuery = call.query
        pools = self._store.all(Kind.NODEPOOL)
        wanted = [p for p in pools if query.cluster in (None, p.spec["compute_cluster"]["id"])]
        return listing(self._store, map(envelope, wanted))

    async def create(self, call: Call) -> Answer:
        spec: NodepoolSpec = call.body
        return envelope(
            await create(
                self._store, Kind.NODEPOOL, nodepool_key(spec), "nodepool", lambda tx: accept_nodepool(tx, spec)
            )
        )

    async def get(self, call: Call) -> Answer:
        return envelope(find(self._store, Kind.NODEPOOL, _key(call)))

    async def delete(self, call: Call) -> None:
        key = _key(call)
        await delete(self._store, Kind.NODEPOOL, key, lambda tx: delete_nodepool(tx, key))


def _key(call: Call) -> str:
    return f"{call.path['cluster']}/{call.path['nodepool']}"
