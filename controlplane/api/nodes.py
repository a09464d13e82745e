from typing import Any

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.resources import DELETE_ERRORS, delete, envelope, listing
from controlplane.api.routing import Answer, Call, Query, Route
from controlplane.fleet.nodes import delete_node, nodepool_key_of
from controlplane.fleet.overview import Overview
from controlplane.fleet.references import missing
from controlplane.store.store import Kind, Record
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.resources import Node

_TAG = "nodes"


class NodeQuery(Query):
    cluster: str | None = None
    """Only those of this cluster."""
    nodepool: str | None = None
    """Only those of this nodepool: `cluster/nodepool`, or the nodepool's id alone."""


class Nodes:
    """A node is named by its id, or by its name or hostname where that is unique."""

    def __init__(self, dependencies: ApiDependencies, overview: Overview) -> None:
        self._store = dependencies.store
        self._registry = dependencies.registry
        self._overview = overview

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
                errors=(ErrorCode.INVALID_ARGUMENT,),
            ),
            Route(
                "GET",
                "/nodes/{node}",
                self.get,
                _TAG,
                "Show a node, by id or unique hostname",
                response=Node,
                errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
            ),
            Route(
                "DELETE",
                "/nodes/{node}",
                self.delete,
                _TAG,
                "Forget a node: its agent has to join again",
                status=204,
                errors=(*DELETE_ERRORS, ErrorCode.CONFLICT),
            ),
        ]

    async def show_all(self, call: Call) -> Answer:
        query: NodeQuery = call.query
        return listing(self._store, [self._view(node) for node in self._store.all(Kind.NODE) if _matches(node, query)])

    async def get(self, call: Call) -> Answer:
        return self._view(self._find(call.path["node"]))

    async def delete(self, call: Call) -> None:
        id = self._find(call.path["node"]).id
        live = self._registry.get(id)
        connected = live is not None and live.connected
        await delete(self._store, Kind.NODE, id, lambda tx: delete_node(tx, id, connected))
        self._registry.forget(id)

    def _view(self, node: Record) -> dict[str, Any]:
        facts = {key: node.spec[key] for key in ("name", "cluster", "nodepool")}
        return envelope(node, self._overview.node(node), facts)

    def _find(self, wanted: str) -> Record:
        node = self._store.get(Kind.NODE, wanted)
        if node is not None:
            return node
        nodes = self._store.all(Kind.NODE)
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


def _matches(node: Record, query: NodeQuery) -> bool:
    in_cluster = query.cluster in (None, node.spec["cluster"])
    return in_cluster and query.nodepool in (None, node.spec["nodepool"], nodepool_key_of(node))
