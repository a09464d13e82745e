"""Which nodes have a local gateway, by cluster: what their agents said last, and the store has kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

from controlplane.store.store import Change, Kind, Record, Store
from homeport.core import canonical


@dataclass(frozen=True, slots=True)
class LocalGateway:
    """`tunnel_target` is host:port as the cluster's other agents reach it; `url` is for clients."""

    tunnel_target: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A node of a cluster. A gateway lets in the tunnels of `epoch`, or of a newer one. `gateway` is None where there
    is none, or the node is locked."""

    cluster: str
    epoch: int
    gateway: LocalGateway | None


def local_gateway_of(node: Record) -> LocalGateway | None:
    plain = node.status.get("local_gateway")
    return canonical.from_plain(LocalGateway, plain) if plain else None


class LocalGateways:
    """`load` and `update` keep it equal to the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._members: dict[str, Member] = {}
        self._clusters: dict[str, set[str]] = {}
        # By cluster, then by node: few of many thousand nodes have one, and each session is told of them.
        self._gateways: dict[str, dict[str, LocalGateway]] = {}

    def load(self) -> None:
        self._members, self._clusters, self._gateways = {}, {}, {}
        for node in self._store.all(Kind.NODE):
            self._put(node)

    def update(self, changes: list[Change]) -> set[str]:
        """The clusters of which something else is true now."""
        concerned: set[str] = set()
        for change in changes:
            if change.kind is Kind.NODE:
                concerned |= self.look(change.id)
        return concerned

    def look(self, node_id: str) -> set[str]:
        """The same of one node, as the store has it now."""
        before, node = self._members.get(node_id), self._store.get(Kind.NODE, node_id)
        if node is None:
            self._remove(node_id)
            return {before.cluster} if before is not None else set()
        after = self._put(node)
        return {each.cluster for each in (before, after) if each is not None} if before != after else set()

    def member(self, node_id: str) -> Member | None:
        return self._members.get(node_id)

    def members(self, cluster: str) -> dict[str, Member]:
        return {node_id: self._members[node_id] for node_id in sorted(self._clusters.get(cluster, ()))}

    def gateways(self, cluster: str) -> Iterator[tuple[str, LocalGateway]]:
        """(node id, gateway), by node."""
        yield from sorted(self._gateways.get(cluster, {}).items(), key=itemgetter(0))

    def _put(self, node: Record) -> Member:
        gateway = None if "lock" in node.spec else local_gateway_of(node)
        member = Member(node.spec["cluster"], int(node.status.get("epoch", 0)), gateway)
        self._members[node.id] = member
        self._clusters.setdefault(member.cluster, set()).add(node.id)
        gateways = self._gateways.setdefault(member.cluster, {})
        if gateway is not None:
            gateways[node.id] = gateway
        else:
            gateways.pop(node.id, None)
        return member

    def _remove(self, node_id: str) -> None:
        member = self._members.pop(node_id, None)
        if member is not None:
            self._clusters[member.cluster].discard(node_id)
            self._gateways[member.cluster].pop(node_id, None)
