"""Keeps the gateways' tables equal to the store and the open sessions."""

from controlplane.gateway.feed import GatewayFeed
from controlplane.gateway.policies import GatewayPolicies
from controlplane.store.follow import follow
from controlplane.store.store import Change, Kind, Store


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
            elif change.kind is Kind.NODE and change.record is None:
                self._feed.put("epochs", change.id, None)
