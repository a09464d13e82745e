"""Gateways on hosts of their own: which are connected, what they say and are told, and where agents reach them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import structlog

from controlplane.auth.gateway_tokens import is_known
from controlplane.auth.peer import ShownGateway
from controlplane.fleet.gateway_size import put_workers, workers_in
from controlplane.gateway.fed_worker import FedWorker
from controlplane.gateway.feed import GatewayFeed
from controlplane.gateway.host_link import HostedWorker, HostFacts, HostHello, HostLink
from controlplane.store.follow import follow
from controlplane.store.store import Change, Kind, Store, Transaction
from homeport.core.errors import HomeportError
from homeport.core.gateway_workers import MOST_WORKERS

log = structlog.get_logger()

REMOVED = "REMOVED"
SUPERSEDED = "SUPERSEDED"
_REASONS = {
    REMOVED: "this gateway was removed, or another host has joined in its place",
    SUPERSEDED: "another process of this gateway has connected",
}
_PIECE_BYTES = 64 * 1024
# What a worker elsewhere may say here; the rest its own host hears.
_HEARD = frozenset({"used", "denied", "wake", "counted", "lease_report"})


class GatewayHosts:
    """`cut_off` gets a worker whose host is not connected any more, and goes on. `wall` gives unix seconds."""

    def __init__(
        self, store: Store, feed: GatewayFeed, cut_off: Callable[[FedWorker], None], wall: Callable[[], float]
    ) -> None:
        self._store = store
        self._feed = feed
        self._cut_off = cut_off
        self._wall = wall
        self._tell_targets: Callable[[tuple[str, ...]], None] = lambda targets: None
        self._links: dict[str, HostLink] = {}
        self._last_heard: dict[str, float] = {}

    def refusal(self, shown: ShownGateway | None) -> tuple[str, str] | None:
        """(reason, sentence), None = come in."""
        if shown is None:
            return "NOT_A_GATEWAY", "the certificate names no gateway on a host of its own"
        if not is_known(self._store.get(Kind.GATEWAY, shown.name), shown.key_sha256):
            return REMOVED, _REASONS[REMOVED]
        return None

    async def opened(self, shown: ShownGateway, hello: HostHello, close: Callable[[str, str], None]) -> HostLink:
        """Its outbox has everything that it must know."""
        try:
            await self._store.write(lambda tx: _note(tx, shown, hello))
        except HomeportError as error:
            log.warning("what a gateway says of itself is not written", gateway=shown.name, error=str(error))
        older = self._links.get(shown.name)
        if older is not None:
            self._end(older, SUPERSEDED)
        now = self._wall()
        link = HostLink(shown, hello, close, now, now, FedWorker({"worker": shown.name, "release": hello.release}))
        self._links[shown.name] = link
        self._feed.hosts.add(link.fed)
        link.fed.send({"time": now})
        self._tell_size(link)
        for lines in _gathered(self._feed.entries()):
            link.fed.send_line(lines)
        self._look()
        return link

    def closed(self, link: HostLink) -> None:
        self._feed.hosts.discard(link.fed)
        for worker in link.workers.values():
            self._cut_off(worker)
        if self._links.get(link.name) is link:
            del self._links[link.name]
            self._last_heard[link.name] = link.heard_at

    def hear(self, link: HostLink, message: Mapping[str, Any]) -> None:
        """One line of it. Raises ValueError, and whatever a hearer raises for what no release says."""
        link.heard_at = self._wall()
        for key, value in message.items():
            match key, value:
                case "worker", [str(worker_id), dict(said)]:
                    worker = link.worker(worker_id)
                    self._feed.hear(worker, {name: each for name, each in said.items() if name in _HEARD})
                case "ended", str(worker_id):
                    if worker_id in link.workers:
                        self._worker_ended(link.workers.pop(worker_id))
                case "workers", [*listed]:
                    link.listed = [dict(each) for each in listed]

    def workers(self) -> set[HostedWorker]:
        """Those that can be heard now."""
        return {worker for link in self._links.values() for worker in link.workers.values()}

    def facts(self, name: str) -> HostFacts:
        link = self._links.get(name)
        if link is None:
            return HostFacts(last_heard=self._last_heard.get(name))
        ahead = link.hello.time - link.connected_at
        return HostFacts(link.connected_at, link.heard_at, next(iter(link.hello.release), ""), ahead, link.listed)

    def tell_targets(self, tell: Callable[[tuple[str, ...]], None]) -> None:
        """From now on it gets every tunnel target of these gateways, whenever they may have changed."""
        self._tell_targets = tell
        tell(self._targets())

    async def follow_store(self) -> None:
        """Until the store closes."""

        def update(changes: list[Change]) -> None:
            if any(change.kind is Kind.GATEWAY for change in changes):
                self._look()

        await follow(self._store, self._look, update)

    def _look(self) -> None:
        for link in list(self._links.values()):
            if self.refusal(link.shown) is not None:
                self._end(link, REMOVED)
            else:
                self._tell_size(link)
        self._tell_targets(self._targets())

    def _targets(self) -> tuple[str, ...]:
        """Also of those that are not connected: they may serve while we cannot see them."""
        found: set[str] = set()
        for record in self._store.all(Kind.GATEWAY):
            link = self._links.get(record.id)
            if "key_sha256" in record.status:
                found.update(link.hello.tunnels if link is not None else record.status.get("tunnels", ()))
        return tuple(sorted(found))

    def _tell_size(self, link: HostLink) -> None:
        link.fed.send({"size": workers_in(self._store.get(Kind.GATEWAY, link.name))})

    def _end(self, link: HostLink, reason: str) -> None:
        log.warning("connection of a gateway ended", gateway=link.name, reason=reason)
        self._links.pop(link.name, None)
        self._feed.hosts.discard(link.fed)
        if reason == REMOVED:
            while link.workers:
                self._worker_ended(link.workers.popitem()[1])
        link.close(reason, _REASONS[reason])

    def _worker_ended(self, worker: HostedWorker) -> None:
        for hear in self._feed.on_gone:
            hear(worker)


def _gathered(lines: Iterable[bytes]) -> Iterator[bytes]:
    """What waits to be sent is counted by pieces: all of the tables at once are few."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        piece.append(line)
        size += len(line)
        if size > _PIECE_BYTES:
            yield b"".join(piece)
            piece, size = [], 0
    yield b"".join(piece)


def _note(tx: Transaction, shown: ShownGateway, hello: HostHello) -> None:
    record = tx.get(Kind.GATEWAY, shown.name)
    if not is_known(record, shown.key_sha256):
        return
    assert record is not None
    known = {"tunnels": list(hello.tunnels), "url": hello.url, "host": hello.host}
    tx.put_status(Kind.GATEWAY, shown.name, {**record.status, **known})
    if hello.workers is not None and 1 <= hello.workers <= MOST_WORKERS:
        put_workers(tx, hello.workers, shown.name)
