from typing import Any

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.logs import LogQuery, stream_logs
from controlplane.api.resources import CREATE_ERRORS, DELETE_ERRORS, create, delete, envelope, find, listing
from controlplane.api.routing import Answer, Call, Route
from controlplane.fleet.deployments import accept_deployment, delete_deployment
from controlplane.fleet.overview import Overview
from controlplane.fleet.revisions import revisions_of
from controlplane.store.store import Kind, Record
from homeport.core.errors import ErrorCode
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.resources import Deployment, Revision

_TAG = "deployments"


class Deployments:
    def __init__(self, dependencies: ApiDependencies, overview: Overview) -> None:
        self._store = dependencies.store
        self._registry = dependencies.registry
        self._logs = dependencies.logs
        self._overview = overview

    def routes(self) -> list[Route]:
        item = "/deployments/{deployment}"
        return [
            Route("GET", "/deployments", self.show_all, _TAG, "List deployments", response=Deployment, many=True),
            Route(
                "POST",
                "/deployments",
                self.create,
                _TAG,
                "Create a deployment",
                body=DeploymentSpec,
                root="deployment",
                status=201,
                response=Deployment,
                errors=CREATE_ERRORS,
            ),
            Route("GET", item, self.get, _TAG, "Show a deployment", response=Deployment, errors=(ErrorCode.NOT_FOUND,)),
            Route(
                "DELETE",
                item,
                self.delete,
                _TAG,
                "Delete a deployment: its replicas stop",
                status=204,
                errors=DELETE_ERRORS,
            ),
            Route(
                "GET",
                f"{item}/revisions",
                self.revisions,
                _TAG,
                "List a deployment's revisions, oldest first",
                response=Revision,
                many=True,
                errors=(ErrorCode.NOT_FOUND,),
            ),
            Route(
                "GET",
                f"{item}/logs",
                self.logs,
                _TAG,
                "Stream the lines that a deployment's replicas wrote",
                query=LogQuery,
                media_type="text/plain",
                errors=(ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.UNAVAILABLE),
            ),
        ]

    async def show_all(self, call: Call) -> Answer:
        return listing(self._store, self._views(self._store.all(Kind.DEPLOYMENT)))

    async def create(self, call: Call) -> Answer:
        spec: DeploymentSpec = call.body
        record = await create(
            self._store, Kind.DEPLOYMENT, spec.id, "deployment", lambda tx: accept_deployment(tx, spec)
        )
        return self._views([record])[0]

    async def get(self, call: Call) -> Answer:
        return self._views([find(self._store, Kind.DEPLOYMENT, call.path["deployment"])])[0]

    async def delete(self, call: Call) -> None:
        id = call.path["deployment"]
        await delete(self._store, Kind.DEPLOYMENT, id, lambda tx: delete_deployment(tx, id))

    async def revisions(self, call: Call) -> Answer:
        deployment = find(self._store, Kind.DEPLOYMENT, call.path["deployment"])
        return listing(self._store, map(envelope, revisions_of(self._store.all(Kind.REVISION), deployment.id)))

    async def logs(self, call: Call) -> Answer:
        deployment = find(self._store, Kind.DEPLOYMENT, call.path["deployment"])
        replicas = self._registry.replicas(deployment.id)
        return await stream_logs(call.request, self._logs, deployment.id, replicas, call.query)

    def _views(self, records: list[Record]) -> list[dict[str, Any]]:
        states = self._overview.deployments(records)
        return [envelope(record, state) for record, state in zip(records, states, strict=True)]
