"""What the local gateways of one cluster must know: its deployments, who may invoke them, its nodes. No more."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from controlplane.sites.local_gateways import Member
from homeport.core import canonical
from homeport.core.access.principal import Principal
from homeport.gateway.callers.access_tokens import Facts, principal_of
from homeport.gateway.callers.invocation import Invoker
from homeport.gateway.routing.routes import RoutePolicy
from homeport.gateway.routing.site_routes import within
from homeport.gateway.tables import GatewayTables

# (table, key) to JSON.
Entries = dict[tuple[str, str], str]


class SiteTables:
    """Cuts a cluster's part out of a gateway's tables. What has not changed since is not worked out again."""

    def __init__(self, tables: GatewayTables) -> None:
        self._tables = tables
        self._principals: dict[str, tuple[Facts, Principal, str]] = {}

    def entries(self, members: Mapping[str, Member]) -> Entries:
        """`members`: the cluster's nodes, by id."""
        routes = list(self._routes(members))
        found: Entries = {("routes", route.deployment_id): canonical.dumps(route) for route in routes}
        for node_id, member in members.items():
            access = self._tables.nodes.get(node_id)
            if access is not None:
                found["nodes", node_id] = canonical.dumps(access)
                found["epochs", node_id] = str(member.epoch)
        found.update((("tokens", token_id), text) for token_id, text in self._tokens(routes))
        return found

    def _routes(self, members: Collection[str]) -> Iterator[RoutePolicy]:
        for route in self._tables.routes:
            here = within(route, members)
            if here is not None:
                yield here

    def _tokens(self, routes: Iterable[RoutePolicy]) -> Iterator[tuple[str, str]]:
        """Of those that may invoke one of these deployments at least."""
        known = list(routes)
        for token_id, facts in self._tables.tokens.items():
            principal, text = self._token(token_id, facts)
            invoker = Invoker(principal)
            if any(map(invoker.may, known)):
                yield token_id, text
        self._principals = {id: known for id, known in self._principals.items() if id in self._tables.tokens}

    def _token(self, token_id: str, facts: Facts) -> tuple[Principal, str]:
        known = self._principals.get(token_id)
        if known is None or known[0] is not facts:
            known = self._principals[token_id] = facts, principal_of(token_id, facts), _dumps(facts)
        return known[1], known[2]


def changed(before: Entries, after: Entries) -> Iterator[tuple[str, str, str]]:
    """(table, key, JSON or nothing = gone)."""
    for (table, key), text in after.items():
        if before.get((table, key)) != text:
            yield table, key, text
    for table, key in before.keys() - after.keys():
        yield table, key, ""


def _dumps(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
