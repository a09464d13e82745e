"""Taking a node out of use and back, without deleting it."""

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.nodes import Nodes
from controlplane.api.routing import Answer, Call, Handler, Route, in_organisation
from controlplane.fleet.gpu_clearing import clear_gpu
from controlplane.fleet.node_cordon import cordon_node, uncordon_node
from controlplane.fleet.node_drain import drain_node, undrain_node
from controlplane.fleet.nodes import inventory_of
from controlplane.pipelines.drain_plan import plan_drain
from controlplane.store.store import Kind
from homeport.core.access.permission import Permission
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.base import ApiModel
from homeport.schema.edits import ClearGpuRequest, CordonRequest, DrainRequest, EmptyRequest
from homeport.schema.node_resources import DrainPlan, Node

_TAG = "nodes"


class NodeUpkeep:
    def __init__(self, dependencies: ApiDependencies, nodes: Nodes) -> None:
        self._store = dependencies.store
        self._registry = dependencies.registry
        self._nodes = nodes

    def routes(self) -> list[Route]:
        return [
            self._verb("cordon", self.cordon, "Give a node no new replicas; what runs there runs on", CordonRequest),
            self._verb("uncordon", self.uncordon, "Let a cordoned node take replicas again", EmptyRequest),
            self._verb("drain", self.drain, "Move a node's replicas elsewhere, each ready there first", DrainRequest),
            self._verb("undrain", self.undrain, "Let a drained node take replicas again", EmptyRequest),
            self._verb("clear-gpu", self.clear_gpu, "Let a GPU that failed take replicas again", ClearGpuRequest),
            Route(
                "POST",
                "/brake/release",
                self.release_brake,
                _TAG,
                "Let nodes be given up although many vanished at once",
                body=EmptyRequest,
                status=204,
                permission=Permission.NODES_WRITE,
                at=in_organisation,
                errors=(ErrorCode.INVALID_ARGUMENT, ErrorCode.CONFLICT),
            ),
            Route(
                "GET",
                "/nodes/{node}/drain",
                self.plan,
                _TAG,
                "What draining a node would move where, or still has to",
                response=DrainPlan,
                permission=Permission.NODES_READ,
                at=self._nodes.at_item,
                errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            ),
        ]

    async def cordon(self, call: Call) -> Answer:
        wanted: CordonRequest = call.body
        id = self._id(call)
        return await self._nodes.shown(await self._store.write(lambda tx: cordon_node(tx, id, wanted.reason)))

    async def uncordon(self, call: Call) -> Answer:
        id = self._id(call)
        return await self._nodes.shown(await self._store.write(lambda tx: uncordon_node(tx, id)))

    async def drain(self, call: Call) -> Answer:
        wanted: DrainRequest = call.body
        id = self._id(call)
        return await self._nodes.shown(
            await self._store.write(lambda tx: drain_node(tx, id, wanted.reason, wanted.deadline_seconds, wanted.force))
        )

    async def undrain(self, call: Call) -> Answer:
        id = self._id(call)
        return await self._nodes.shown(await self._store.write(lambda tx: undrain_node(tx, id)))

    async def clear_gpu(self, call: Call) -> Answer:
        node = self._nodes.find(call.guard, call.path["node"])
        wanted: ClearGpuRequest = call.body
        inventory = inventory_of(node, self._registry)
        return await self._nodes.shown(
            await self._store.write(lambda tx: clear_gpu(tx, node.id, wanted.gpu, inventory))
        )

    async def release_brake(self, call: Call) -> None:
        if not self._registry.release_brake():
            raise HomeportError(ErrorCode.CONFLICT, "the brake is not on: nodes are given up as usual")

    async def plan(self, call: Call) -> Answer:
        node = self._nodes.find(call.guard, call.path["node"])
        moves = await plan_drain(self._store, self._registry, node, self._registry.wall_now())
        seen = {record.id for record in call.guard.seen(self._store, [move.deployment for move in moves])}
        names = {each.id: each.spec["name"] for each in self._store.all(Kind.NODE)}
        return {
            "moves": [
                {
                    "deployment_id": move.deployment.id,
                    "replicas": move.replicas,
                    "to": [
                        {"node_id": id, "node_name": names.get(id, id), "replicas": count}
                        for id, count in move.to.items()
                    ],
                    "stays": move.stays,
                    "why": move.why,
                }
                for move in moves
                if move.deployment.id in seen
            ],
            "hidden": len(moves) - len(seen),
        }

    def _id(self, call: Call) -> str:
        return self._nodes.find(call.guard, call.path["node"]).id

    def _verb(self, name: str, handler: Handler, summary: str, body: type[ApiModel]) -> Route:
        return Route(
            "POST",
            f"/nodes/{{node}}/{name}",
            handler,
            _TAG,
            summary,
            body=body,
            root=name if body is not EmptyRequest else "",
            response=Node,
            permission=Permission.NODES_WRITE,
            at=self._nodes.at_item,
            errors=(ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
        )
