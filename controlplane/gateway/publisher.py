"""Keeps the gateways' tables equal to the store and the open sessions."""

from collections.abc import Callable

from controlplane.auth.token_facts import TokenDirectory
from controlplane.fleet.node_access import access_of
from controlplane.gateway.feed import GatewayFeed
from controlplane.gateway.policies import GatewayPolicies
from controlplane.store.follow import follow
from controlplane.store.store import Change, Kind, Record, Store
from homeport.core import canonical

# What a token may do depends on these.
_ACCESS = frozenset({Kind.ACCESS_TOKEN, Kind.USER, Kind.SERVICE_ACCOUNT, Kind.TEAM, Kind.ROLE_BINDING})


class GatewayPublisher:
    def __init__(self, store: Store, feed: GatewayFeed) -> None:
        self._store = store
        self._feed = feed
        self._directory = TokenDirectory(store)
        self._policies = GatewayPolicies(store, feed.tables.routes)
        # Called when something in the tables may have changed.
        self.on_change: Callable[[], None] = lambda: None

    def load(self) -> None:
        self._policies.load()
        self._put_tokens()
        nodes = {node.id: node for node in self._store.all(Kind.NODE)}
        for node_id in self._feed.tables.nodes.keys() | nodes.keys():
            self._put_node(node_id, nodes.get(node_id))
        self.on_change()

    async def follow_store(self) -> None:
        """Until the store closes."""
        await follow(self._store, self.load, self._update)

    def _put_tokens(self) -> None:
        """A role or a team concerns many tokens: those of which something else is true now are told."""
        known, tokens = self._feed.tables.tokens, self._directory.all()
        for token_id in known.keys() | tokens.keys():
            facts = tokens.get(token_id)
            if facts != known.get(token_id):
                self._feed.put("tokens", token_id, facts)

    def session_opened(self, node_id: str, epoch: int) -> None:
        """A gateway lets in the tunnels of this epoch and no other. They outlive the session: it may only have lost its
        link."""
        self._feed.put("epochs", node_id, epoch)

    def _update(self, changes: list[Change]) -> None:
        self._policies.update(changes)
        if any(change.kind in _ACCESS for change in changes):
            self._put_tokens()
        for change in changes:
            if change.kind is Kind.NODE:
                self._put_node(change.id, change.record)
                if change.record is None:
                    self._feed.put("epochs", change.id, None)
        self.on_change()

    def _put_node(self, node_id: str, node: Record | None) -> None:
        access = access_of(node)
        if access != self._feed.tables.nodes.get(node_id):
            self._feed.put("nodes", node_id, canonical.to_plain(access) if access is not None else None)
