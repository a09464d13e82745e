"""The kinds of objects that people write: how the spec of each is accepted, and how one is deleted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from controlplane.fleet.accept import Accepted
from controlplane.fleet.access import (
    accept_role_binding,
    accept_service_account,
    accept_team,
    accept_user,
    delete_role_binding,
    delete_service_account,
    delete_team,
    delete_user,
)
from controlplane.fleet.clusters import accept_cluster, delete_cluster
from controlplane.fleet.deployments import accept_deployment, delete_deployment
from controlplane.fleet.instance_types import accept_instance_type, delete_instance_type
from controlplane.fleet.models import accept_model, accept_model_version, delete_model, delete_model_version
from controlplane.fleet.nodepools import accept_nodepool, delete_nodepool, nodepool_key
from controlplane.fleet.projects import accept_project, delete_project
from controlplane.fleet.secrets import accept_secret, delete_secret, shown_spec
from controlplane.secrets.vault import Vault
from controlplane.store.store import Kind, Record, Transaction
from homeport.schema.base import ApiModel
from homeport.schema.documents import DOCUMENT_KINDS
from homeport.schema.secret import SecretSpec


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """`root` is the key of its documents. `edit` accepts what a person changed in an object, as opposed to a spec that
    is written anew. `spec_of` is what such a change is made from."""

    kind: Kind
    root: str
    spec: type[ApiModel]
    key: Callable[[Any], str]
    accept: Callable[[Transaction, Any], Accepted]
    edit: Callable[[Transaction, Any], Accepted]
    delete: Callable[[Transaction, str], None]
    spec_of: Callable[[Record], dict[str, Any]] = lambda record: record.spec


def _id(spec: Any) -> str:
    id: str = spec.id
    return id


def _version_key(spec: Any) -> str:
    return f"{spec.model.id}/{spec.id}"


def _kind(
    kind: Kind,
    root: str,
    accept: Callable[[Transaction, Any], Accepted],
    delete: Callable[[Transaction, str], None],
    key: Callable[[Any], str] = _id,
    edit: Callable[[Transaction, Any], Accepted] | None = None,
) -> ObjectKind:
    return ObjectKind(kind, root, DOCUMENT_KINDS[root], key, accept, edit or accept, delete)


PROJECT = _kind(Kind.PROJECT, "project", accept_project, delete_project)
INSTANCE_TYPE = _kind(Kind.INSTANCE_TYPE, "instance_type", accept_instance_type, delete_instance_type)
CLUSTER = _kind(Kind.CLUSTER, "compute_cluster", accept_cluster, delete_cluster)
NODEPOOL = _kind(Kind.NODEPOOL, "nodepool", accept_nodepool, delete_nodepool, nodepool_key)
MODEL = _kind(Kind.MODEL, "model", accept_model, delete_model)
MODEL_VERSION = _kind(Kind.MODEL_VERSION, "model_version", accept_model_version, delete_model_version, _version_key)
DEPLOYMENT = _kind(
    Kind.DEPLOYMENT,
    "deployment",
    accept_deployment,
    delete_deployment,
    edit=partial(accept_deployment, keep_version=True),
)
USER = _kind(Kind.USER, "user", partial(accept_user, keep_oidc=True), delete_user, edit=accept_user)
SERVICE_ACCOUNT = _kind(Kind.SERVICE_ACCOUNT, "service_account", accept_service_account, delete_service_account)
TEAM = _kind(Kind.TEAM, "team", accept_team, delete_team)
ROLE_BINDING = _kind(Kind.ROLE_BINDING, "role_binding", accept_role_binding, delete_role_binding)
_FLEET = (PROJECT, INSTANCE_TYPE, CLUSTER, NODEPOOL, MODEL, MODEL_VERSION, DEPLOYMENT)
_ACCESS = (USER, SERVICE_ACCOUNT, TEAM, ROLE_BINDING)
Kinds = Mapping[str, ObjectKind]
# All but secrets, by their roots.
OBJECT_KINDS: Kinds = {each.root: each for each in (*_FLEET, *_ACCESS)}


def secret_kind(vault: Vault) -> ObjectKind:
    accept = partial(accept_secret, vault)
    return ObjectKind(Kind.SECRET, "secret", SecretSpec, _id, accept, accept, delete_secret, shown_spec)


def kinds_with(vault: Vault) -> Kinds:
    return {**OBJECT_KINDS, "secret": secret_kind(vault)}
