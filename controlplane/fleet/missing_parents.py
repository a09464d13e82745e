"""Clusters and nodepools that a spec names and that do not exist, made on the way."""

from collections.abc import Iterator

from controlplane.fleet.accept import Accepted
from controlplane.fleet.clusters import accept_cluster
from controlplane.fleet.nodepools import accept_nodepool
from controlplane.store.store import Kind, Transaction
from homeport.schema.base import ApiModel
from homeport.schema.cluster import ClusterRef, ClusterSpec
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.nodepool import NodepoolRef, NodepoolSpec


def create_missing(tx: Transaction, spec: ApiModel) -> list[Accepted]:
    """What was made, parents first. Both are shared, with all fields at their defaults."""
    return list(_create(tx, spec))


def _create(tx: Transaction, spec: ApiModel) -> Iterator[Accepted]:
    if isinstance(spec, NodepoolSpec):
        yield from _cluster(tx, spec.compute_cluster)
    elif isinstance(spec, DeploymentSpec):
        for nodepool in spec.nodepools:
            yield from _cluster(tx, nodepool.compute_cluster)
            yield from _nodepool(tx, nodepool)


def _cluster(tx: Transaction, cluster: ClusterRef) -> Iterator[Accepted]:
    if tx.get(Kind.CLUSTER, cluster.id) is None:
        yield accept_cluster(tx, ClusterSpec(id=cluster.id))


def _nodepool(tx: Transaction, nodepool: NodepoolRef) -> Iterator[Accepted]:
    if tx.get(Kind.NODEPOOL, nodepool.key) is None:
        yield accept_nodepool(tx, NodepoolSpec(id=nodepool.id, compute_cluster=nodepool.compute_cluster))
