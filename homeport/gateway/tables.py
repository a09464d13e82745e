"""All that a gateway must know to answer requests without asking anybody."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from homeport.core import canonical
from homeport.core.node_identity import NodeAccess, Refusal, Shown, refusal, refusal_of_open
from homeport.gateway.routing.routes import PolicyTable, RoutePolicy

# (table, key, JSON-able value or None = gone)
Entry = tuple[str, str, Any]


class GatewayTables:
    """`tokens`: token id to the fields that AccessTokens checks. `epochs`: node id to its session's epoch. `nodes`:
    node id to who may speak for it. Implements tunnel.server.Door."""

    def __init__(self) -> None:
        self.routes = PolicyTable()
        self.tokens: dict[str, Mapping[str, Any]] = {}
        self.epochs: dict[str, int] = {}
        self.nodes: dict[str, NodeAccess] = {}
        # Called with a node's id when who may speak for it has changed.
        self.on_node: Callable[[str], None] | None = None

    def refusal(self, shown: Shown, epoch: int) -> Refusal | None:
        refused = refusal(self.nodes.get(shown.node_id), shown, time.time())
        if refused is None and self.epochs.get(shown.node_id) != epoch:
            return Refusal.SUPERSEDED
        return refused

    def refusal_of_open(self, shown: Shown) -> Refusal | None:
        return refusal_of_open(self.nodes.get(shown.node_id), shown, time.time())

    def entries(self) -> Iterator[Entry]:
        for route in self.routes:
            yield route_entry(route.deployment_id, route)
        for token_id, facts in self.tokens.items():
            yield "tokens", token_id, facts
        for node_id, epoch in self.epochs.items():
            yield "epochs", node_id, epoch
        for node_id, access in self.nodes.items():
            yield "nodes", node_id, canonical.to_plain(access)

    def put(self, table: str, key: str, value: Any) -> None:
        """Tables of newer servers are passed over."""
        match table:
            case "routes" if value is None:
                self.routes.remove(key)
            case "routes":
                self.routes.put(canonical.from_plain(RoutePolicy, value))
            case "tokens" | "epochs":
                entries: dict[str, Any] = self.tokens if table == "tokens" else self.epochs
                if value is None:
                    entries.pop(key, None)
                else:
                    entries[key] = value
            case "nodes":
                self._put_node(key, None if value is None else canonical.from_plain(NodeAccess, value))

    def _put_node(self, node_id: str, access: NodeAccess | None) -> None:
        if access == self.nodes.get(node_id):
            return
        if access is None:
            del self.nodes[node_id]
        else:
            self.nodes[node_id] = access
        if self.on_node is not None:
            self.on_node(node_id)

    def keep_only(self, known: set[tuple[str, str]]) -> None:
        """Removes every (table, key) that is not in `known`."""
        for table, key, _ in list(self.entries()):
            if (table, key) not in known:
                self.put(table, key, None)


def route_entry(deployment_id: str, route: RoutePolicy | None) -> Entry:
    return "routes", deployment_id, None if route is None else canonical.to_plain(route)
