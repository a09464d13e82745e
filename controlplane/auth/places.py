"""Where each object is, for the question who may do what with it."""

from collections.abc import Mapping
from typing import Any

from controlplane.fleet.nodepools import nodepools_of
from controlplane.store.store import Kind, Store, Transaction
from homeport.core.access.permission import Permission
from homeport.core.access.scope import (
    ORGANISATION,
    Place,
    Scope,
    ScopeKind,
    parse_scope,
    place_of_cluster,
    place_of_deployment,
    place_of_nodepool,
    place_of_project,
)

Objects = Store | Transaction
# Replicas are in no store.
REPLICA = "replica"

# What one needs to see objects of a kind.
TO_SEE: dict[str, Permission] = {
    Kind.PROJECT: Permission.PROJECTS_READ,
    Kind.SECRET: Permission.SECRETS_READ,
    Kind.INSTANCE_TYPE: Permission.INSTANCE_TYPES_READ,
    Kind.CLUSTER: Permission.CLUSTERS_READ,
    Kind.NODEPOOL: Permission.NODEPOOLS_READ,
    Kind.NODE: Permission.NODES_READ,
    Kind.MODEL: Permission.MODELS_READ,
    Kind.MODEL_VERSION: Permission.MODELS_READ,
    Kind.DEPLOYMENT: Permission.DEPLOYMENTS_READ,
    Kind.REVISION: Permission.DEPLOYMENTS_READ,
    Kind.PLACEMENT: Permission.DEPLOYMENTS_READ,
    REPLICA: Permission.DEPLOYMENTS_READ,
    Kind.JOIN_TOKEN: Permission.JOIN_TOKENS_READ,
    Kind.ACCESS_TOKEN: Permission.ACCESS_READ,
    Kind.USER: Permission.ACCESS_READ,
    Kind.SERVICE_ACCOUNT: Permission.ACCESS_READ,
    Kind.TEAM: Permission.ACCESS_READ,
    Kind.ROLE_BINDING: Permission.ACCESS_READ,
}

TO_WRITE = {kind: Permission(f"{see.value.partition('.')[0]}.write") for kind, see in TO_SEE.items()}


def place_of(objects: Objects, kind: str, id: str, shown: Mapping[str, Any]) -> Place:
    """`shown` is the object's spec, of a replica the whole of it. What an object rests on may be gone."""
    match kind:
        case Kind.PROJECT:
            return place_of_project(id)
        case Kind.CLUSTER:
            return place_of_cluster(id)
        case Kind.NODEPOOL:
            cluster, _, pool = id.partition("/")
            return place_of_nodepool(cluster, pool, _dedicated_to(shown))
        case Kind.NODE:
            return _of_nodepool(objects, f"{shown['cluster']}/{shown['nodepool']}")
        case Kind.JOIN_TOKEN:
            return _of_nodepool(objects, shown["nodepool"])
        case Kind.MODEL | Kind.SECRET:
            return place_of_project(shown.get("project", ""))
        case Kind.MODEL_VERSION:
            model = objects.get(Kind.MODEL, shown["model"]["id"])
            return place_of_project(model.spec.get("project", "")) if model else Place()
        case Kind.DEPLOYMENT:
            return place_of_deployment(id, shown.get("project", ""), tuple(nodepools_of(dict(shown))))
        case Kind.REVISION:
            deployment = objects.get(Kind.DEPLOYMENT, id.rpartition("/")[0])
            return place_of(objects, Kind.DEPLOYMENT, deployment.id, deployment.spec) if deployment else Place()
        case Kind.PLACEMENT | "replica":
            return _of_running(objects, shown["deployment_id"], shown["node_id"])
        case Kind.ROLE_BINDING:
            return _of_scope(objects, parse_scope(shown["scope"]))
    return Place()


def place_of_new(objects: Objects, kind: Kind, id: str, spec: Mapping[str, Any]) -> Place:
    """Where one must be allowed to make things. A nodepool is made in its cluster, whomever it is dedicated to."""
    if kind is Kind.NODEPOOL:
        cluster, _, pool = id.partition("/")
        return place_of_nodepool(cluster, pool)
    return place_of(objects, kind, id, spec)


def _of_nodepool(objects: Objects, key: str) -> Place:
    cluster, _, pool = key.partition("/")
    record = objects.get(Kind.NODEPOOL, key)
    return place_of_nodepool(cluster, pool, _dedicated_to(record.spec) if record else "")


def _dedicated_to(nodepool: Mapping[str, Any]) -> str:
    return str(nodepool.get("project", "")) if nodepool.get("tenancy") == "dedicated" else ""


def _of_running(objects: Objects, deployment_id: str, node_id: str) -> Place:
    """In its deployment, resting on the nodepool of its node alone."""
    deployment, node = objects.get(Kind.DEPLOYMENT, deployment_id), objects.get(Kind.NODE, node_id)
    pools = (f"{node.spec['cluster']}/{node.spec['nodepool']}",) if node else ()
    return place_of_deployment(deployment_id, deployment.spec.get("project", "") if deployment else "", pools)


def _of_scope(objects: Objects, scope: Scope) -> Place:
    """Who administers a place says who may do what there."""
    if scope == ORGANISATION:
        return Place()
    match scope.kind:
        case ScopeKind.NODEPOOL:
            return _of_nodepool(objects, scope.id)
        case ScopeKind.DEPLOYMENT:
            record = objects.get(Kind.DEPLOYMENT, scope.id)
            return place_of(objects, Kind.DEPLOYMENT, scope.id, record.spec) if record else Place()
    return Place(frozenset({ORGANISATION, scope}))
