from controlplane.api.dependencies import ApiDependencies
from controlplane.api.resources import CREATE_ERRORS, DELETE_ERRORS, create, delete, envelope, find, listing
from controlplane.api.routing import Answer, Call, Route
from controlplane.fleet.clusters import accept_cluster, delete_cluster
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode
from homeport.schema.cluster import ClusterSpec
from homeport.schema.resources import Cluster


class Clusters:
    def __init__(self, dependencies: ApiDependencies) -> None:
        self._store = dependencies.store

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/clusters", self.show_all, "clusters", "List clusters", response=Cluster, many=True),
            Route(
                "POST",
                "/clusters",
                self.create,
                "clusters",
                "Create a cluster",
                body=ClusterSpec,
                root="compute_cluster",
                status=201,
                response=Cluster,
                errors=CREATE_ERRORS,
            ),
            Route(
                "GET",
                "/clusters/{cluster}",
                self.get,
                "clusters",
                "Show a cluster",
                response=Cluster,
                errors=(ErrorCode.NOT_FOUND,),
            ),
            Route(
                "DELETE",
                "/clusters/{cluster}",
                self.delete,
                "clusters",
                "Delete a cluster without nodepools",
                status=204,
                errors=DELETE_ERRORS,
            ),
        ]

    async def show_all(self, call: Call) -> Answer:
        return listing(self._store, map(envelope, self._store.all(Kind.CLUSTER)))

    async def create(self, call: Call) -> Answer:
        spec: ClusterSpec = call.body
        root = "compute_cluster"
        return envelope(await create(self._store, Kind.CLUSTER, spec.id, root, lambda tx: accept_cluster(tx, spec)))

    async def get(self, call: Call) -> Answer:
        return envelope(find(self._store, Kind.CLUSTER, call.path["cluster"]))

    async def delete(self, call: Call) -> None:
        id = call.path["cluster"]
        await delete(self._store, Kind.CLUSTER, id, lambda tx: delete_cluster(tx, id))
