"""Tells local gateways what they must know, and the nodes of their clusters where they are, over the open sessions."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from homeport_proto.v1 import session_pb2 as pb

from controlplane.sessions.sessions import OpenSession, Sessions
from controlplane.sites.local_gateways import LocalGateways
from controlplane.sites.site_tables import Entries, SiteTables, changed
from controlplane.store.follow import follow
from controlplane.store.store import Change, Store
from homeport.gateway.tables import GatewayTables

# Changes that come together are told together.
_GATHER_SECONDS = 0.1
# Of a part of the tables: other messages of the session get their turn between two.
_PART_ENTRIES = 500
# For how long access tokens are accepted after the control plane was heard last.
TOKEN_SECONDS = 7 * 86_400


@dataclass(eq=False, slots=True)
class _Told:
    """What the gateway of that session knows; None = nothing yet."""

    session: OpenSession
    entries: Entries | None = None


@dataclass(slots=True)
class _Dirty:
    everything: bool = False
    clusters: set[str] = field(default_factory=set)


class SiteFeed:
    """`tables` are those of the control plane's own gateways; `tables_changed` is to be called when they have."""

    def __init__(
        self, store: Store, tables: GatewayTables, sessions: Sessions, token_seconds: float = TOKEN_SECONDS
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._token_seconds = int(token_seconds)
        self._gateways = LocalGateways(store)
        self._tables = SiteTables(tables)
        self._told: dict[str, _Told] = {}
        # By cluster: the gateways that its sessions were told.
        self._lists: dict[str, tuple[tuple[str, str], ...]] = {}
        self._dirty = _Dirty()
        self._wake = asyncio.Event()

    def opened(self, session: OpenSession, has_gateway: bool) -> None:
        """After its Welcome."""
        self._note(self._gateways.look(session.node_id))
        member = self._gateways.member(session.node_id)
        if member is not None:
            session.send(_list(self._targets(member.cluster), session.node_id))
        self._told.pop(session.node_id, None)
        if has_gateway:
            self._told[session.node_id] = _Told(session)
            self.tables_changed()

    def tables_changed(self) -> None:
        if self._told:
            self._dirty.everything = True
            self._wake.set()

    async def follow_store(self) -> None:
        """Until the store closes."""
        await follow(self._store, self._load, self._update)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            self._wake.clear()
            dirty, self._dirty = self._dirty, _Dirty()
            for cluster in dirty.clusters:
                self._tell_list(cluster)
            for node_id, told in list(self._told.items()):
                if not self._sessions.is_current(node_id, told.session.epoch):
                    del self._told[node_id]
                    continue
                member = self._gateways.member(node_id)
                if member is not None and (dirty.everything or member.cluster in dirty.clusters):
                    self._tell(told, member.cluster)
                    await asyncio.sleep(0)

    def _load(self) -> None:
        self._gateways.load()
        self._dirty.everything = True
        self._dirty.clusters.update(self._lists)
        self._wake.set()

    def _update(self, changes: list[Change]) -> None:
        self._note(self._gateways.update(changes))

    def _note(self, clusters: set[str]) -> None:
        if clusters:
            self._dirty.clusters |= clusters
            self._wake.set()

    def _tell(self, told: _Told, cluster: str) -> None:
        after = self._tables.entries(self._gateways.members(cluster))
        before = told.entries
        entries = [
            pb.SiteEntry(table=table, key=key, value_json=text) for table, key, text in changed(before or {}, after)
        ]
        told.entries = after
        if before is None or entries:
            for part in _parts(entries, before is None, self._token_seconds):
                told.session.send(pb.ControlMessage(site_tables=part))

    def _tell_list(self, cluster: str) -> None:
        targets = self._targets(cluster)
        if self._lists.get(cluster, ()) == targets:
            return
        self._lists[cluster] = targets
        for node_id in self._gateways.members(cluster):
            session = self._sessions.current(node_id)
            if session is not None:
                session.send(_list(targets, node_id))

    def _targets(self, cluster: str) -> tuple[tuple[str, str], ...]:
        return tuple((node_id, gateway.tunnel_target) for node_id, gateway in self._gateways.gateways(cluster))


def _parts(entries: Sequence[pb.SiteEntry], full: bool, token_seconds: int) -> Iterator[pb.SiteTables]:
    """One at least."""
    ends = range(_PART_ENTRIES, max(1, len(entries)) + _PART_ENTRIES, _PART_ENTRIES)
    for end in ends:
        yield pb.SiteTables(
            first=full and end == ends[0],
            last=end == ends[-1],
            entries=entries[end - _PART_ENTRIES : end],
            token_seconds=token_seconds,
        )


def _list(targets: tuple[tuple[str, str], ...], node_id: str) -> pb.ControlMessage:
    """For a node, which reaches its own gateway without a tunnel."""
    others = [pb.SiteGateway(node_id=id, target=target) for id, target in targets if id != node_id]
    return pb.ControlMessage(site_gateways=pb.SiteGatewayList(gateways=others))
