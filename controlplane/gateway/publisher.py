"""Keeps the gateways' tables equal to the store and the open sessions."""

from controlplane.fleet.node_access import access_of
from controlplane.gateway.feed import GatewayFeed
from controlplane.gateway.policies import GatewayPolicies
from controlplane.store.follow import follow
from controlplane.store.store import Change, Kind, Record, Store
from homeport.core import canonical


class GatewayPublisher:
    def __init__(self, store: Store, feed: GatewayFeed) -> None:
        self._store = store
        self._feed = feed
        self._policies = GatewayPolicies(store, feed.tables.routes)

    def load(self) -> None:
        self._policies.load()
        tokens = {token.id: token.spec for token in self._store.all(Kind.ACCESS_TOKEN)}
        for token_id in self._feed.tables.tokens.keys() | tokens.keys():
            self._feed.put("tokens", token_id, tokens.get(token_id))
        nodes = {node.id: node for node in self._store.all(Kind.NODE)}
        for node_id in self._feed.tables.nodes.keys() | nodes.keys():
            self._put_node(node_id, nodes.get(node_id))

    async def follow_store(self) -> None:
        """Until the store closes."""
        await follow(self._store, self.load, self._update)

    def session_opened(self, node_id: str, epoch: int) -> None:
        """A gateway lets in the tunnels of this epoch and no other. They outlive the session: it may only have lost its
        link."""
        self._feed.put("epochs", node_id, epoch)

    def _update(self, changes: list[Change]) -> None:
        self._policies.update(changes)
        for change in changes:
            if change.kind is Kind.ACCESS_TOKEN:
                self._feed.put("tokens", change.id, change.record.spec if change.record else None)
            elif change.kind is Kind.NODE:
                self._put_node(change.id, change.record)
                if change.record is None:
                    self._feed.put("epochs", change.id, None)

    def _put_node(self, node_id: str, node: Record | None) -> None:
        access = access_of(node)
        if access != self._feed.tables.nodes.get(node_id):
            self._feed.put("nodes", node_id, canonical.to_plain(access) if access is not None else None)
