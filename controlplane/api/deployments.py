from collections.abc import Callable
from typing import Any

from controlplane.api.collection import EDIT_ERRORS, Collection, CollectionRoutes
from controlplane.api.dependencies import ApiDependencies
from controlplane.api.lists import as_items, list_answer
from controlplane.api.logs import LogQuery, stream_failures, stream_logs
from controlplane.api.queries import DeploymentQuery, RevisionQuery
from controlplane.api.routing import Answer, Call, Handler, Route
from controlplane.fleet.accept import Accepted
from controlplane.fleet.deployment_verbs import (
    pause_autoscaling,
    restart_deployment,
    scale_deployment,
    start_deployment,
    stop_deployment,
)
from controlplane.fleet.dry_run import write
from controlplane.fleet.explaining import explain_deployment, explain_revisions
from controlplane.fleet.kinds import DEPLOYMENT
from controlplane.fleet.references import missing
from controlplane.fleet.revisions import current_revision, revisions_of
from controlplane.fleet.splitting import promote, rollback, split_deployment
from controlplane.fleet.tracks import is_divided, most_telling
from controlplane.pipelines.divided_decision import one_step_on
from controlplane.store.store import Index, Kind, Record, Transaction
from controlplane.views.objects import envelope
from controlplane.views.views import Views
from homeport.core.access.permission import Permission
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.deployment_resources import Deployment, Revision
from homeport.schema.edited import EditedDeployment, NewDeployment
from homeport.schema.edits import EmptyRequest, RevisionRequest, ScaleRequest, SplitRequest
from homeport.schema.explanation import DeploymentExplanation

_TAG = "deployments"
_ITEM = "/deployments/{deployment}"
DEPLOYMENTS = Collection(
    DEPLOYMENT,
    _TAG,
    "/deployments",
    _ITEM,
    DeploymentQuery,
    Deployment,
    EditedDeployment,
    created=NewDeployment,
)


class Deployments(CollectionRoutes):
    def __init__(self, dependencies: ApiDependencies, views: Views) -> None:
        super().__init__(dependencies, views, DEPLOYMENTS)
        self._logs = dependencies.logs
        self._fleet_view = dependencies.fleet_view

    def routes(self) -> list[Route]:
        return [
            *super().routes(),
            self._verb("stop", self._do(stop_deployment), "Stop all replicas of a deployment; it keeps all else"),
            self._verb("start", self._do(start_deployment), "Start a deployment that was stopped"),
            self._verb("restart", self._do(restart_deployment), "Replace all replicas by new ones of the same kind"),
            Route("POST", f"{_ITEM}/scale", self.scale, _TAG, "Set how many replicas a deployment may have",
                  body=ScaleRequest, response=Deployment, errors=EDIT_ERRORS,
                  permission=Permission.DEPLOYMENTS_WRITE, at=self.at_item),
            self._split("split", SplitRequest, split_deployment, "Divide requests among revisions side by side"),
            self._split("promote", RevisionRequest, promote, "Send all requests to a revision, the newest by default"),
            self._split("rollback", RevisionRequest, rollback, "Send all requests back to the revision before"),
            self._verb("pause-autoscaling", self.pause, "Keep as many replicas as there are; `auto` of scale ends it"),
            Route("GET", f"{_ITEM}/explain", self.explain, _TAG, "Why a deployment is where it is and not elsewhere",
                  response=DeploymentExplanation, errors=(ErrorCode.NOT_FOUND,), permission=Permission.DEPLOYMENTS_READ,
                  at=self.at_item),
            Route("GET", f"{_ITEM}/revisions", self.revisions, _TAG, "List a deployment's revisions, oldest first",
                  query=RevisionQuery, response=Revision, many=True, errors=(ErrorCode.NOT_FOUND,),
                  permission=Permission.DEPLOYMENTS_READ, at=self.at_item),
            Route("GET", f"{_ITEM}/logs", self.logs, _TAG, "Stream the lines that a deployment's replicas wrote",
                  query=LogQuery, media_type="text/plain", errors=(ErrorCode.NOT_FOUND, ErrorCode.UNAVAILABLE),
                  permission=Permission.DEPLOYMENTS_LOGS, at=self.at_item, lasting=True),
        ]  # fmt: skip

    def _verb(self, name: str, handler: Handler, summary: str) -> Route:
        return Route("POST", f"{_ITEM}/{name}", handler, _TAG, summary, body=EmptyRequest, response=Deployment,
                     errors=EDIT_ERRORS, permission=Permission.DEPLOYMENTS_WRITE, at=self.at_item)  # fmt: skip

    def _do(self, verb: Callable[[Transaction, str], Accepted]) -> Handler:
        async def handle(call: Call) -> Answer:
            id = self.key(call)
            return await self.shown((await self.store.write(lambda tx: verb(tx, id))).record)

        return handle

    def _split(
        self, name: str, body: type[SplitRequest | RevisionRequest], verb: Callable[..., Accepted], summary: str
    ) -> Route:
        async def handle(call: Call) -> Answer:
            id = self.key(call)

            def change(tx: Transaction) -> tuple[Record, Record | None]:
                record = verb(tx, id, call.body).record
                return record, self.foreseen_by(tx, record)

            record, seen = await write(self.store, change, call.body.dry_run)
            return {**await self.shown(record), **await self.forecast(record, seen if call.body.dry_run else None)}

        return Route("POST", f"{_ITEM}/{name}", handle, _TAG, summary, body=body, response=NewDeployment,
                     errors=EDIT_ERRORS, permission=Permission.DEPLOYMENTS_WRITE, at=self.at_item)  # fmt: skip

    async def scale(self, call: Call) -> Answer:
        id = self.key(call)
        done = await self.store.write(lambda tx: scale_deployment(tx, id, call.body))
        return await self.shown(done.record)

    async def pause(self, call: Call) -> Answer:
        id = self.key(call)
        unheard = [
            placement.spec["node_id"]
            for placement in self.store.find(Index.PLACEMENTS_OF_DEPLOYMENT, id)
            if self.registry.get(placement.spec["node_id"]) is None
        ]
        if unheard:
            raise HomeportError(
                ErrorCode.UNAVAILABLE,
                f"nobody can tell how many replicas deployment {id} has: node {unheard[0]} has not been heard of since "
                "the control plane started",
                hint=f"try again once it is there, or give the count: homeport scale {id} N",
                retry_after_seconds=10,
            )
        replicas = [report for _, report in self.registry.replicas(id)]
        done = await self.store.write(lambda tx: pause_autoscaling(tx, id, replicas))
        return await self.shown(done.record)

    def foreseen_by(self, tx: Transaction, record: Record) -> Record | None:
        return current_revision(tx, record)

    async def forecast(self, record: Record, seen: Record | None) -> dict[str, Any]:
        if seen is None:
            return {}
        if is_divided(record):
            await self._fleet_view.refresh()
            record = most_telling(one_step_on(self._fleet_view, record))
            seen = current_revision(self.store, record) or seen
        return {"forecast": await explain_deployment(self._fleet_view, record, seen)}

    async def explain(self, call: Call) -> Answer:
        id = (await self.find(self.key(call))).id
        deployment = self.store.get(Kind.DEPLOYMENT, id)
        track = most_telling(deployment) if deployment else None
        revision = current_revision(self.store, track) if track else None
        if deployment is None or track is None or revision is None:
            raise missing(Kind.DEPLOYMENT, id, (each.id for each in self.store.all(Kind.DEPLOYMENT)))
        found = await explain_deployment(self._fleet_view, track, revision)
        return {**found, "revisions": await explain_revisions(self._fleet_view, self.store, deployment)}

    async def revisions(self, call: Call) -> Answer:
        id = (await self.find(self.key(call))).id
        revisions = revisions_of(self.store, id)
        return await list_answer(as_items(map(envelope, revisions)), call.query, self.store.seq)

    async def logs(self, call: Call) -> Answer:
        id = (await self.find(self.key(call))).id
        query: LogQuery = call.query
        replicas = self.registry.replicas(id)
        if not query.previous:
            return await stream_logs(call.request, self._logs, id, replicas, query)
        placed = {p.spec["node_id"] for p in self.store.find(Index.PLACEMENTS_OF_DEPLOYMENT, id)}
        nodes = sorted(placed | {node_id for node_id, _ in replicas})
        return await stream_failures(call.request, self._logs, id, nodes, query)
