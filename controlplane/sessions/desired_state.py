"""What a node should run, read from the store: a full snapshot, or the part that some changes touch."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as PublicKey
from homeport_proto.v1 import session_pb2 as pb

from controlplane.fleet.clusters import cluster_labels
from controlplane.fleet.gpu_clearing import cleared_gpus
from controlplane.fleet.specs import DeploymentSpecs
from controlplane.secrets.node_secrets import NONE, NodeSecrets
from controlplane.sessions.floors import has_floors, policy_on
from controlplane.sessions.wire import placement_to_wire
from controlplane.store.store import Change, Index, Kind, Record, Store


@dataclass(slots=True)
class Touched:
    """Of one node: placements to send again, and placements that are gone."""

    changed: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)


class DesiredStates:
    """Follows the store. It remembers where each placement is, since a deletion no longer says it, and which
    generation of each deployment, which labels of clusters and which cleared GPUs were sent, since other changes of
    those concern no agent."""

    def __init__(self, store: Store, secrets: NodeSecrets | None = None, specs: DeploymentSpecs | None = None) -> None:
        """`secrets` is None where no workload has any."""
        self._store = store
        self._secrets = secrets
        self._specs = specs or DeploymentSpecs()
        self._node_of: dict[str, str] = {}
        self._deployment_of: dict[str, str] = {}
        self._generations: dict[str, int] = {}
        self._cleared: dict[str, dict[str, float]] = {}
        self._labels: dict[str, dict[str, str]] = {}

    def load(self) -> None:
        self._node_of = {p.id: p.spec["node_id"] for p in self._store.all(Kind.PLACEMENT)}
        self._deployment_of = {p.id: p.spec["deployment_id"] for p in self._store.all(Kind.PLACEMENT)}
        self._generations = {d.id: d.generation for d in self._store.all(Kind.DEPLOYMENT)}
        self._labels = {cluster.id: cluster.spec.get("labels", {}) for cluster in self._store.all(Kind.CLUSTER)}
        self._cleared = {node.id: cleared_gpus(node) for node in self._store.all(Kind.NODE)}

    def snapshot(self, node_id: str, node_key: PublicKey | None = None) -> pb.DesiredState:
        """`node_key` is what the secrets in it are sealed to; None = they are left out."""
        seq = self._store.seq
        placements = self._store.find(Index.PLACEMENTS_ON_NODE, node_id)
        return pb.DesiredState(
            version=self._version(seq),
            full=True,
            placements=self._wire(placements, node_key),
            cleared_gpus=self._cleared_on(node_id),
        )

    def touched(self, changes: Iterable[Change]) -> dict[str, Touched]:
        """Which nodes these changes concern."""
        nodes: dict[str, Touched] = {}
        for change in changes:
            if change.kind is Kind.PLACEMENT:
                self._placement_changed(change, nodes)
            elif change.kind is Kind.DEPLOYMENT:
                self._deployment_changed(change, nodes)
            elif change.kind is Kind.NODE:
                self._node_changed(change, nodes)
            elif change.kind is Kind.CLUSTER:
                self._cluster_changed(change, nodes)
        return nodes

    def delta(self, node_id: str, touched: Touched, seq: int, node_key: PublicKey | None = None) -> pb.DesiredState:
        """The placements as they are now; one that was removed since is listed as removed."""
        records = [self._store.get(Kind.PLACEMENT, placement_id) for placement_id in sorted(touched.changed)]
        return pb.DesiredState(
            version=self._version(seq),
            placements=self._wire([record for record in records if record is not None], node_key),
            removed_placements=sorted(touched.removed),
            cleared_gpus=self._cleared_on(node_id),
        )

    def settle(self, node_id: str, known: Iterable[str], foreign: Iterable[str]) -> tuple[list[str], list[str]]:
        """(gone, unknown) of the placements that an agent holds beside its snapshot.

        Of those that this store has named before, absence means deletion. Of the others only a record of it does: this
        store may be older than they are.
        """
        gone = [id for id in known if not self._is_on(node_id, id)]
        deleted = self._store.known_deletions(Kind.PLACEMENT) if foreign else set()
        unknown: list[str] = []
        for id in foreign:
            if not self._is_on(node_id, id):
                has_a_trace = id in deleted or self._store.get(Kind.PLACEMENT, id) is not None
                (gone if has_a_trace else unknown).append(id)
        return gone, unknown

    def removals(self, placement_ids: Iterable[str]) -> pb.ConfirmRemovals:
        """For placements that are known to be gone, or that a person gives up."""
        version = self._version(self._store.seq)
        return pb.ConfirmRemovals(version=version, removed_placements=placement_ids, deliberate=True)

    def _is_on(self, node_id: str, placement_id: str) -> bool:
        record = self._store.get(Kind.PLACEMENT, placement_id)
        return record is not None and record.spec["node_id"] == node_id

    def _deployment_changed(self, change: Change, nodes: dict[str, Touched]) -> None:
        if change.record is None:
            self._generations.pop(change.id, None)
            self._specs.forget_gone(self._store.all(Kind.DEPLOYMENT))
        elif self._generations.get(change.id) != change.record.generation:
            self._generations[change.id] = change.record.generation
            for placement in self._store.find(Index.PLACEMENTS_OF_DEPLOYMENT, change.id):
                nodes.setdefault(placement.spec["node_id"], Touched()).changed.add(placement.id)

    def _node_changed(self, change: Change, nodes: dict[str, Touched]) -> None:
        cleared = cleared_gpus(change.record) if change.record else {}
        if cleared and cleared != self._cleared.get(change.id):
            nodes.setdefault(change.id, Touched())
        self._cleared[change.id] = cleared

    def _cluster_changed(self, change: Change, nodes: dict[str, Touched]) -> None:
        """Its labels are what residency is held against."""
        labels = change.record.spec.get("labels", {}) if change.record else {}
        if labels == self._labels.get(change.id, {}):
            return
        self._labels[change.id] = labels
        fenced = {each.id for each in self._store.all(Kind.DEPLOYMENT) if each.spec.get("residency")}
        for placement in self._store.all(Kind.PLACEMENT) if fenced else ():
            node = self._store.get(Kind.NODE, placement.spec["node_id"])
            if placement.spec["deployment_id"] in fenced and node is not None and node.spec["cluster"] == change.id:
                nodes.setdefault(node.id, Touched()).changed.add(placement.id)

    def _cleared_on(self, node_id: str) -> list[pb.ClearedGpu]:
        node = self._store.get(Kind.NODE, node_id)
        cleared = cleared_gpus(node) if node is not None else {}
        return [pb.ClearedGpu(uuid=uuid, quarantined_at=since) for uuid, since in sorted(cleared.items())]

    def _placement_changed(self, change: Change, nodes: dict[str, Touched]) -> None:
        before = self._node_of.get(change.id)
        after = change.record.spec["node_id"] if change.record else None
        if before is not None and before != after:
            nodes.setdefault(before, Touched()).removed.add(change.id)
        if after is None:
            self._node_of.pop(change.id, None)
        else:
            self._node_of[change.id] = after
            nodes.setdefault(after, Touched()).changed.add(change.id)
        self._touch_others(change, nodes)

    def _touch_others(self, change: Change, nodes: dict[str, Touched]) -> None:
        """What a placement keeps of its deployment's floors depends on the others."""
        if change.record is None:
            deployment_id = self._deployment_of.pop(change.id, "")
        else:
            deployment_id = self._deployment_of[change.id] = change.record.spec["deployment_id"]
        deployment = self._store.get(Kind.DEPLOYMENT, deployment_id)
        if deployment is not None and has_floors(self._specs.policies.of(deployment)):
            for other in self._store.find(Index.PLACEMENTS_OF_DEPLOYMENT, deployment_id):
                nodes.setdefault(other.spec["node_id"], Touched()).changed.add(other.id)

    def _wire(self, placements: Iterable[Record], node_key: PublicKey | None) -> list[pb.Placement]:
        messages = []
        for placement in placements:
            deployment_id, number = placement.spec["deployment_id"], placement.spec["revision"]
            deployment = self._store.get(Kind.DEPLOYMENT, deployment_id)
            revision = self._store.get(Kind.REVISION, f"{deployment_id}/{number}")
            if deployment is not None and revision is not None:
                policy = self._specs.policies.of(deployment)
                if has_floors(policy):
                    placed = self._store.find(Index.PLACEMENTS_OF_DEPLOYMENT, deployment_id)
                    policy = policy_on(policy, placement, placed)
                sealed = NONE
                if self._secrets is not None and node_key is not None:
                    sealed = self._secrets.sealed(placement, revision, node_key)
                site = cluster_labels(self._store, placement.spec["node_id"]) if policy.residency else {}
                messages.append(placement_to_wire(placement, revision, policy, sealed, site))
        return messages

    def _version(self, seq: int) -> pb.StoreSeq:
        return pb.StoreSeq(store_id=self._store.store_id, seq=seq)
