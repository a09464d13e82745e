"""Clusters: sites."""

from controlplane.fleet.accept import Accepted, accept
from controlplane.fleet.access import forget_scope
from controlplane.fleet.references import in_use
from controlplane.store.store import Kind, Store, Transaction
from homeport.schema.cluster import ClusterSpec


def cluster_labels(objects: Store | Transaction, node_id: str) -> dict[str, str]:
    """Of the cluster of a node; empty where there is none."""
    node = objects.get(Kind.NODE, node_id)
    cluster = objects.get(Kind.CLUSTER, node.spec["cluster"]) if node else None
    labels: dict[str, str] = cluster.spec.get("labels", {}) if cluster else {}
    return labels


def accept_cluster(tx: Transaction, spec: ClusterSpec) -> Accepted:
    return accept(tx, Kind.CLUSTER, spec.id, spec, "compute_cluster")


def delete_cluster(tx: Transaction, cluster_id: str) -> None:
    """Raises NOT_FOUND, IN_USE."""
    pools = [pool for pool in tx.all(Kind.NODEPOOL) if pool.spec["compute_cluster"]["id"] == cluster_id]
    if pools:
        raise in_use(f"cluster {cluster_id}", "it has nodepool", pools, "delete its nodepools first")
    tx.delete(Kind.CLUSTER, cluster_id)
    forget_scope(tx, f"cluster/{cluster_id}")
