from controlplane.api.dependencies import ApiDependencies
from controlplane.api.resources import CREATE_ERRORS, create, envelope, listing
from controlplane.api.routing import Answer, Call, Query, Route
from controlplane.fleet.instance_types import (
    accept_instance_type,
    delete_instance_type,
    find_instance_type,
    instance_types,
)
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode
from homeport.schema.instance_type import InstanceTypeSpec
from homeport.schema.resources import InstanceType

_TAG = "instance-types"


class InstanceTypeQuery(Query):
    source: str | None = None
    """Only those of the `catalogue`, one's `own`, or those of a `node`."""
    cloud_provider: str | None = None
    region: str | None = None


class InstanceTypes:
    def __init__(self, dependencies: ApiDependencies) -> None:
        self._store = dependencies.store
        self._registry = dependencies.registry

    def routes(self) -> list[Route]:
        item = "/instance-types/{instance_type}"
        return [
            Route(
                "GET",
                "/instance-types",
                self.show_all,
                _TAG,
                "List instance types: the catalogue, your own, and the shapes of enrolled hosts",
                query=InstanceTypeQuery,
                response=InstanceType,
                many=True,
            ),
            Route(
                "POST",
                "/instance-types",
                self.create,
                _TAG,
                "Create an instance type of your own",
                body=InstanceTypeSpec,
                root="instance_type",
                status=201,
                response=InstanceType,
                errors=CREATE_ERRORS,
            ),
            Route(
                "GET",
                item,
                self.get,
                _TAG,
                "Show an instance type",
                response=InstanceType,
                errors=(ErrorCode.NOT_FOUND,),
            ),
            Route(
                "DELETE",
                item,
                self.delete,
                _TAG,
                "Delete an instance type of your own",
                status=204,
                errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            ),
        ]

    async def show_all(self, call: Call) -> Answer:
        query: InstanceTypeQuery = call.query
        found = [
            record
            for record in instance_types(self._store, self._registry)
            if query.source in (None, record.status["source"])
            and query.region in (None, record.spec["region"])
            and query.cloud_provider in (None, (record.spec["cloud_provider"] or {}).get("id"))
        ]
        return listing(self._store, map(envelope, found))

    async def create(self, call: Call) -> Answer:
        spec: InstanceTypeSpec = call.body
        await create(
            self._store, Kind.INSTANCE_TYPE, spec.id, "instance_type", lambda tx: accept_instance_type(tx, spec)
        )
        return envelope(find_instance_type(self._store, self._registry, spec.id))

    async def get(self, call: Call) -> Answer:
        return envelope(find_instance_type(self._store, self._registry, call.path["instance_type"]))

    async def delete(self, call: Call) -> None:
        found = find_instance_type(self._store, self._registry, call.path["instance_type"])
        await self._store.write(lambda tx: delete_instance_type(tx, found))
