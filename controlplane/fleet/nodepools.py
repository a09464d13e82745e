"""Nodepools: nodes of one cluster with like hardware."""

from typing import Any

from controlplane.fleet.accept import Accepted, Action, accept
from controlplane.fleet.access import forget_scope
from controlplane.fleet.nodes import nodepool_key_of
from controlplane.fleet.projects import known_project
from controlplane.fleet.references import in_use, parent
from controlplane.fleet.tenancy import check_users
from controlplane.store.store import Kind, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.nodepool import NodepoolSpec


def nodepool_key(spec: NodepoolSpec) -> str:
    return f"{spec.compute_cluster.id}/{spec.id}"


def accept_nodepool(tx: Transaction, spec: NodepoolSpec) -> Accepted:
    """Raises NOT_FOUND for an unknown cluster or project, CONFLICT when it has more nodes than the new maximum or a
    deployment may no longer use it."""
    parent(tx, Kind.CLUSTER, spec.compute_cluster.id, "nodepool.compute_cluster.id")
    known_project(tx, spec.project, "nodepool.project")
    key = nodepool_key(spec)
    members = sum(nodepool_key_of(node) == key for node in tx.all(Kind.NODE))
    if members > spec.max_instances:
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"nodepool {key} has {members} nodes already, more than {spec.max_instances}",
            hint="delete nodes of it first",
            path="nodepool.max_instances",
        )
    accepted = accept(tx, Kind.NODEPOOL, key, spec, "nodepool")
    if accepted.action is Action.CONFIGURED:
        check_users(tx, accepted.record, "nodepool.tenancy")
    return accepted


def delete_nodepool(tx: Transaction, key: str) -> None:
    """Raises NOT_FOUND, IN_USE."""
    nodes = [node for node in tx.all(Kind.NODE) if nodepool_key_of(node) == key]
    if nodes:
        raise in_use(f"nodepool {key}", "it has node", nodes, "delete its nodes first")
    deployments = [d for d in tx.all(Kind.DEPLOYMENT) if key in nodepools_of(d.spec)]
    if deployments:
        raise in_use(
            f"nodepool {key}", "it serves deployment", deployments, "delete them or take the nodepool out of them first"
        )
    tx.delete(Kind.NODEPOOL, key)
    forget_scope(tx, f"nodepool/{key}")


def nodepools_of(deployment_spec: dict[str, Any]) -> list[str]:
    """The keys of a deployment's nodepools, best first."""

    return [f"{pool['compute_cluster']['id']}/{pool['id']}" for pool in deployment_spec["nodepools"]]
