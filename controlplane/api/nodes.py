from collections.abc import Mapping
from functools import partial

from controlplane.api.collection import DELETE_ERRORS
from controlplane.api.dependencies import ApiDependencies
from controlplane.api.lists import list_answer, seen_items
from controlplane.api.queries import NodeQuery
from controlplane.api.routing import Answer, Call, Route, somewhere
from controlplane.auth.guard import Guard
from controlplane.fleet.impact import impact_answer, impact_of
from controlplane.fleet.node_approval import approve_node, reject_node
from controlplane.fleet.node_lock import lock_node, unlock_node
from controlplane.fleet.nodes import delete_node
from controlplane.fleet.references import missing
from controlplane.store.store import Kind, Record
from controlplane.views.views import Views
from homeport.core.access.permission import Permission
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.edited import Impact
from homeport.schema.edits import EmptyRequest, LockRequest
from homeport.schema.node_resources import Node

_TAG = "nodes"


class Nodes:
    """A node is named by its id, or by its name or hostname where that is unique."""

    def __init__(self, dependencies: ApiDependencies, views: Views) -> None:
        self._store = dependencies.store
        self._registry = dependencies.registry
        self._views = views

    def routes(self) -> list[Route]:
        return [
            Route(
                "GET",
                "/nodes",
                self.show_all,
                _TAG,
                "List nodes",
                query=NodeQuery,
                response=Node,
                many=True,
                permission=Permission.NODES_READ,
                at=somewhere,
            ),
            Route(
                "GET",
                "/nodes/{node}",
                self.get,
                _TAG,
                "Show a node, by id or unique hostname",
                response=Node,
                permission=Permission.NODES_READ,
                at=self.at_item,
                errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            ),
            Route(
                "DELETE",
                "/nodes/{node}",
                self.delete,
                _TAG,
                "Forget a node: its agent has to join again",
                status=204,
                permission=Permission.NODES_WRITE,
                at=self.at_item,
                errors=DELETE_ERRORS,
            ),
            Route(
                "GET",
                "/nodes/{node}/impact",
                self.impact,
                _TAG,
                "What deleting a node would mean",
                response=Impact,
                permission=Permission.NODES_READ,
                at=self.at_item,
                errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            ),
            Route(
                "POST",
                "/nodes/{node}/lock",
                self.lock,
                _TAG,
                "Turn a node's agent away at once; what runs there runs on, unless asked",
                body=LockRequest,
                root="lock",
                response=Node,
                permission=Permission.NODES_WRITE,
                at=self.at_item,
                errors=(ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            ),
            Route(
                "POST",
                "/nodes/{node}/unlock",
                self.unlock,
                _TAG,
                "Let a locked node in again",
                body=EmptyRequest,
                response=Node,
                permission=Permission.NODES_WRITE,
                at=self.at_item,
                errors=(ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            ),
            Route(
                "POST",
                "/nodes/{node}/approve",
                self.approve,
                _TAG,
                "Let a node in that waits for it, or one that was turned away as a copy",
                body=EmptyRequest,
                response=Node,
                permission=Permission.NODES_WRITE,
                at=self.at_item,
                errors=(ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            ),
            Route(
                "POST",
                "/nodes/{node}/reject",
                self.reject,
                _TAG,
                "Forget a node that waits to be let in; keep out what was turned away as a copy",
                body=EmptyRequest,
                status=204,
                permission=Permission.NODES_WRITE,
                at=self.at_item,
                errors=(ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            ),
        ]

    async def show_all(self, call: Call) -> Answer:
        await self._views.refresh()
        items = seen_items(call.guard, self._store, Kind.NODE, self._views.of(Kind.NODE).items())
        return await list_answer(items, call.query, self._views.seq)

    async def get(self, call: Call) -> Answer:
        return await self.shown(self.find(call.guard, call.path["node"]))

    async def delete(self, call: Call) -> None:
        id = self.find(call.guard, call.path["node"]).id
        live = self._registry.get(id)
        connected = live is not None and live.connected
        await self._store.write(lambda tx: delete_node(tx, id, connected))
        self._registry.forget(id)

    async def lock(self, call: Call) -> Answer:
        wanted: LockRequest = call.body
        id = self.find(call.guard, call.path["node"]).id
        return await self.shown(
            await self._store.write(lambda tx: lock_node(tx, id, wanted.reason, wanted.stop_models))
        )

    async def unlock(self, call: Call) -> Answer:
        id = self.find(call.guard, call.path["node"]).id
        return await self.shown(await self._store.write(lambda tx: unlock_node(tx, id)))

    async def approve(self, call: Call) -> Answer:
        id = self.find(call.guard, call.path["node"]).id
        return await self.shown(await self._store.write(lambda tx: approve_node(tx, id)))

    async def reject(self, call: Call) -> None:
        id = self.find(call.guard, call.path["node"]).id
        if await self._store.write(lambda tx: reject_node(tx, id)):
            self._registry.forget(id)

    async def impact(self, call: Call) -> Answer:
        id = self.find(call.guard, call.path["node"]).id
        impact = impact_of(self._store, self._registry, Kind.NODE, id)
        return impact_answer(impact, partial(call.guard.seen, self._store))

    def at_item(self, guard: Guard, permission: Permission, path: Mapping[str, str]) -> None:
        guard.must(permission, self._store, Kind.NODE, self.find(guard, path["node"]).id)

    async def shown(self, node: Record) -> Answer:
        """As it was written, with how things stand now."""
        await self._views.refresh()
        return self._views.show(node)

    def find(self, guard: Guard, wanted: str) -> Record:
        """Among those that the caller may see."""
        node = self._store.get(Kind.NODE, wanted)
        if node is not None and guard.seen(self._store, [node]):
            return node
        nodes = guard.seen(self._store, self._store.all(Kind.NODE))
        named = [node for node in nodes if node.spec["name"] == wanted]
        named = named or [node for node in nodes if node.spec.get("hostname") == wanted]
        if len(named) > 1:
            raise HomeportError(
                ErrorCode.CONFLICT,
                f"{len(named)} nodes have the hostname {wanted}",
                hint=f"name one by its id: {', '.join(node.id for node in named)}",
            )
        if not named:
            raise missing(Kind.NODE, wanted, [node.spec["name"] for node in nodes])
        return named[0]
