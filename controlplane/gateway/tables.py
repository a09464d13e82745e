"""All that a gateway must know to answer requests without asking anybody."""

from collections.abc import Iterator, Mapping
from typing import Any

from homeport.core import canonical
from homeport.gateway.routes import PolicyTable, RoutePolicy

# (table, key, JSON-able value or None = gone)
Entry = tuple[str, str, Any]


class GatewayTables:
    """`tokens`: token id to the fields that AccessTokens checks. `epochs`: node id to its session's epoch."""

    def __init__(self) -> None:
        self.routes = PolicyTable()
        self.tokens: dict[str, Mapping[str, Any]] = {}
        self.epochs: dict[str, int] = {}

    def entries(self) -> Iterator[Entry]:
        for route in self.routes:
            yield route_entry(route.deployment_id, route)
        for token_id, facts in self.tokens.items():
            yield "tokens", token_id, facts
        for node_id, epoch in self.epochs.items():
            yield "epochs", node_id, epoch

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

    def keep_only(self, known: set[tuple[str, str]]) -> None:
        """Removes every (table, key) that is not in `known`."""
        for table, key, _ in list(self.entries()):
            if (table, key) not in known:
                self.put(table, key, None)


def route_entry(deployment_id: str, route: RoutePolicy | None) -> Entry:
    return "routes", deployment_id, None if route is None else canonical.to_plain(route)
