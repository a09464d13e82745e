"""Records as the scheduler takes them: nodes as candidates, placements as what they take, deployments as what they
want."""

from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.fleet.node_approval import waits
from controlplane.fleet.node_drain import drain_of
from controlplane.fleet.nodes import inventory_of, node_status_of, nodepool_key_of
from controlplane.fleet.prices import prices_in
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind, Record, Store
from homeport.core import canonical
from homeport.core.image_name import full_image_name
from homeport.core.node_lifecycle.absence import Reconcile
from homeport.core.placement.affinity import NO_AFFINITY
from homeport.core.placement.choice import Choice, Pool, tiers
from homeport.core.placement.place import taken_by
from homeport.core.placement.types import Candidate, Held, Taken, Wanted
from homeport.core.policy import Scaling
from homeport.core.refusal import Refusal
from homeport.core.requirements import ANY_HOST
from homeport.core.resources import ComputeNeeds, DeviceShare
from homeport.core.workload import Workload
from homeport.schema.affinity import AffinitySpec
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.nodepool import NodepoolSpec

# Of nodepools that were written before there was such a field.
_OVERCOMMIT: float = NodepoolSpec.model_fields["overcommit"].default

_NO_AFFINITY = AffinitySpec()


def candidate_of(node: Record, registry: NodeRegistry, cluster: Record | None, nodepool: Record | None) -> Candidate:
    inventory = inventory_of(node, registry)
    labels = cluster.spec.get("labels", {}) if cluster else {}
    return Candidate(
        node.id,
        node.spec["name"],
        nodepool_key_of(node),
        node_status_of(node, registry),
        inventory,
        cordoned="cordon" in node.spec,
        draining=drain_of(node) is not None,
        approved=not waits(node),
        labels=labels,
        node_labels={**labels, **(nodepool.spec.get("labels", {}) if nodepool else {}), **inventory.labels},
        overcommit=nodepool.spec.get("overcommit", _OVERCOMMIT) if nodepool else 1.0,
    )


def taken_by_placement(spec: Mapping[str, Any], needs: ComputeNeeds) -> Taken:
    devices = canonical.from_plain(tuple[DeviceShare, ...], spec["devices"])
    return taken_by(needs, spec["min_replicas"], spec["max_replicas"], devices)


def wanted_of(
    id: str,
    spec: DeploymentSpec,
    scaling: Scaling,
    workload: Workload,
    held: tuple[Held, ...],
    refused: Mapping[str, Refusal],
    pools: Sequence[Pool],
    home: str,
    apart: Mapping[str, str],
    evicted: Mapping[str, str],
    capped: Mapping[str, int],
) -> Wanted:
    """`held` comes first, `refused` are nodes that will not start it, `pools` are its nodepools in the order of its
    spec, `home` is the cluster that serves it, `apart` are nodes of those that it shares none with, `evicted`
    those that it has to leave to others, `capped` those that lack room for it."""
    reconcile = spec.on_disconnect.terms().reconcile
    choice = Choice(spec.scheduling_choice)
    return Wanted(
        id,
        workload.driver,
        workload.needs,
        scaling,
        tiers(choice, pools, home),
        held,
        spec.residency,
        refused,
        workload.requires if workload.requires != ANY_HOST else ANY_HOST,
        spec.affinity.to_core() if spec.affinity != _NO_AFFINITY else NO_AFFINITY,
        apart,
        evicted,
        full_image_name(workload.image) if workload.image else "",
        capped,
        returns=reconcile in (Reconcile.KEEP_ORIGINAL, Reconcile.BEST_SCORE),
        spreads=choice is Choice.PERFORMANCE,
        shuffles=choice is Choice.RANDOM,
        over_clusters=spec.affinity.spread == "cluster",
    )


def pool_of(store: Store, key: str) -> Pool:
    """Its price is that of the cheapest of its instance types."""
    record = store.get(Kind.NODEPOOL, key)
    if record is None:
        return Pool(key)
    prices = prices_in(store, key)
    capacity = record.spec.get("node_capacity_type") or {}
    return Pool(key, prices[0] if prices else None, frozenset(capacity.get("capacity_types", ())))
