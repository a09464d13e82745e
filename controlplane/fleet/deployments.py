"""Deployments: a spec becomes policy, which is live, and a workload, whose every change is a revision."""

from collections.abc import Sequence

from controlplane.fleet.accept import Accepted, Action, accept
from controlplane.fleet.access import forget_scope
from controlplane.fleet.models import versions_of
from controlplane.fleet.nodepools import nodepools_of
from controlplane.fleet.projects import known_project
from controlplane.fleet.references import NamesOthers, parent
from controlplane.fleet.revisions import check_split, current_revision, revise, revisions_of, version_key_of
from controlplane.fleet.tenancy import check_deployment
from controlplane.store.store import Index, Kind, Record, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.base import Change
from homeport.schema.changes import FieldChange
from homeport.schema.deployment import DeploymentSpec

_VERSION_PATH = "worker.model.model_version"


def accept_deployment(tx: Transaction, spec: DeploymentSpec, keep_version: bool = False) -> Accepted:
    """Checks what the spec names, writes it, and makes a revision when its workload is new.

    A spec without a version takes the model's newest; with `keep_version` it stays with the one that it has, so that
    an edit of something else rolls nothing out. Raises NOT_FOUND for an unknown nodepool, model, version, project or
    revision, INVALID_ARGUMENT for a nodepool named twice, CONFLICT when another deployment serves the model on one of
    the nodepools, when tenancy forbids a nodepool, or when a fixed field changes.
    """
    _check_nodepools(tx, spec)
    known_project(tx, spec.project, "deployment.project")
    model = parent(tx, Kind.MODEL, spec.worker.model.id, "deployment.worker.model.id")
    check_deployment(tx, spec.project, model, [pool.key for pool in spec.nodepools])
    before = _running_version(tx, spec.id)
    version = _resolve_version(tx, spec, model, before if keep_version else None)
    _check_alone(tx, spec)
    accepted = accept(tx, Kind.DEPLOYMENT, spec.id, spec, "deployment")
    revised = revise(tx, accepted.record, spec, version)
    check_split(tx, revised)
    changes = accepted.changes
    if before is not None and before.id != version.id and not any(c.path.startswith(_VERSION_PATH) for c in changes):
        resolved = FieldChange(_VERSION_PATH, Change.ROLLOUT, {"id": before.spec["id"]}, {"id": version.spec["id"]})
        changes = (*changes, resolved)
    if revised is not accepted.record and accepted.action is Action.UNCHANGED:
        return Accepted(revised, Action.CONFIGURED, changes)
    return Accepted(revised, accepted.action, changes)


def delete_deployment(tx: Transaction, deployment_id: str) -> None:
    """With its placements, which stops its replicas, and its revisions. Raises NOT_FOUND."""
    tx.delete(Kind.DEPLOYMENT, deployment_id)
    forget_scope(tx, f"deployment/{deployment_id}")
    for placement in tx.find(Index.PLACEMENTS_OF_DEPLOYMENT, deployment_id):
        tx.delete(Kind.PLACEMENT, placement.id)
    for revision in revisions_of(tx, deployment_id):
        tx.delete(Kind.REVISION, revision.id)


def _check_nodepools(tx: Transaction, spec: DeploymentSpec) -> None:
    seen: set[str] = set()
    for index, pool in enumerate(spec.nodepools):
        path = f"deployment.nodepools.{index}"
        parent(tx, Kind.CLUSTER, pool.compute_cluster.id, f"{path}.compute_cluster.id")
        parent(tx, Kind.NODEPOOL, pool.key, f"{path}.id")
        if pool.key in seen:
            raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"nodepool {pool.key} is named twice", path=path)
        seen.add(pool.key)


def _running_version(tx: Transaction, deployment_id: str) -> Record | None:
    deployment = tx.get(Kind.DEPLOYMENT, deployment_id)
    revision = current_revision(tx, deployment) if deployment else None
    return tx.get(Kind.MODEL_VERSION, version_key_of(revision)) if revision else None


def _resolve_version(tx: Transaction, spec: DeploymentSpec, model: Record, kept: Record | None) -> Record:
    wanted = spec.worker.model.model_version
    if wanted is not None:
        return parent(tx, Kind.MODEL_VERSION, f"{model.id}/{wanted.id}", f"deployment.{_VERSION_PATH}.id")
    if kept is not None and not spec.deploy_latest_version:
        return kept
    versions = versions_of(tx, model.id)
    if not versions:
        raise HomeportError(
            ErrorCode.NOT_FOUND,
            f"model {model.id} has no version yet, so there is nothing to run{_why_none(model)}",
            hint=f"create one: homeport model version create {model.id}/v1 ..., or apply a model_version document",
            path=f"deployment.{_VERSION_PATH}",
        )
    return versions[-1]


def _why_none(model: Record) -> str:
    """A `config.yaml` describes a build from `1/model.py`."""
    if model.spec.get("build_info") is None and model.spec.get("checkpoints") is None:
        return ""
    return ": building one from 1/model.py is not supported yet; give the image or the command that serves it"


def _check_alone(tx: Transaction, spec: DeploymentSpec) -> None:
    """A model has one deployment per nodepool: a request that names the model must find one answer there."""
    wanted = {pool.key: index for index, pool in enumerate(spec.nodepools)}
    for other in tx.find(Index.DEPLOYMENTS_OF_MODEL, spec.worker.model.id):
        if other.id == spec.id:
            continue
        for key in nodepools_of(other.spec):
            if key in wanted:
                raise _served_already(other, spec.worker.model.id, key, f"deployment.nodepools.{wanted[key]}")


def _served_already(by: Record, model_id: str, nodepool: str, path: str) -> HomeportError:
    def tell(seen: Sequence[Record], hidden: int) -> HomeportError:
        who, change = ("a deployment that you may not see", "") if hidden else (f"deployment {by.id}", by.id)
        return HomeportError(
            ErrorCode.CONFLICT,
            f"{who} serves model {model_id} on nodepool {nodepool} already",
            hint=f"change deployment {change}, or use another nodepool" if change else "use another nodepool",
            path=path,
        )

    return NamesOthers([by], tell)
