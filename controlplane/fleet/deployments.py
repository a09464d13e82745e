"""Deployments: a spec becomes policy, which is live, and a workload, whose every change is a revision."""

from dataclasses import replace
from typing import Any

from controlplane.fleet.accept import Accepted, Action, accept
from controlplane.fleet.models import versions_of
from controlplane.fleet.nodepools import nodepools_of
from controlplane.fleet.references import parent
from controlplane.store.store import Kind, Record, Transaction
from homeport.core import canonical
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.workload import Workload
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.model import ModelVersionSpec


def accept_deployment(tx: Transaction, spec: DeploymentSpec) -> Accepted:
    """Checks what the spec names, writes it, and makes a revision when its workload is new.

    Raises NOT_FOUND for an unknown nodepool, model or version, INVALID_ARGUMENT for a nodepool named twice, CONFLICT
    when another deployment serves the model on one of the nodepools or when a fixed field changes.
    """
    _check_nodepools(tx, spec)
    version = _resolve_version(tx, spec)
    _check_alone(tx, spec)
    accepted = accept(tx, Kind.DEPLOYMENT, spec.id, spec, "deployment")
    revised = _revise(tx, accepted.record, spec, version)
    if revised is not accepted.record and accepted.action is Action.UNCHANGED:
        return Accepted(revised, Action.CONFIGURED)
    return Accepted(revised, accepted.action)


def delete_deployment(tx: Transaction, deployment_id: str) -> None:
    """With its placements, which stops its replicas, and its revisions. Raises NOT_FOUND."""
    tx.delete(Kind.DEPLOYMENT, deployment_id)
    for placement in tx.all(Kind.PLACEMENT):
        if placement.spec["deployment_id"] == deployment_id:
            tx.delete(Kind.PLACEMENT, placement.id)
    for revision in revisions_of(tx.all(Kind.REVISION), deployment_id):
        tx.delete(Kind.REVISION, revision.id)


def revisions_of(revisions: list[Record], deployment_id: str) -> list[Record]:
    """Oldest first."""
    own = [revision for revision in revisions if revision.id.rpartition("/")[0] == deployment_id]
    return sorted(own, key=lambda revision: int(revision.id.rpartition("/")[2]))


def workload_of(revision: Record) -> Workload:
    workload: Workload = canonical.from_plain(Workload, revision.spec["workload"])
    return workload


def _check_nodepools(tx: Transaction, spec: DeploymentSpec) -> None:
    seen: set[str] = set()
    for index, pool in enumerate(spec.nodepools):
        path = f"deployment.nodepools.{index}"
        parent(tx, Kind.CLUSTER, pool.compute_cluster.id, f"{path}.compute_cluster.id")
        parent(tx, Kind.NODEPOOL, pool.key, f"{path}.id")
        if pool.key in seen:
            raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"nodepool {pool.key} is named twice", path=path)
        seen.add(pool.key)


def _resolve_version(tx: Transaction, spec: DeploymentSpec) -> Record:
    model = parent(tx, Kind.MODEL, spec.worker.model.id, "deployment.worker.model.id")
    wanted = spec.worker.model.model_version
    if wanted is not None:
        return parent(tx, Kind.MODEL_VERSION, f"{model.id}/{wanted.id}", "deployment.worker.model.model_version.id")
    versions = versions_of(tx, model.id)
    if not versions:
        raise HomeportError(
            ErrorCode.NOT_FOUND,
            f"model {model.id} has no version yet, so there is nothing to run",
            hint=f"create one: homeport model version create {model.id}/v1 ..., or apply a model_version document",
            path="deployment.worker.model.model_version",
        )
    return versions[-1]


def _check_alone(tx: Transaction, spec: DeploymentSpec) -> None:
    """A model has one deployment per nodepool: a request that names the model must find one answer there."""
    wanted = {pool.key: index for index, pool in enumerate(spec.nodepools)}
    for other in tx.all(Kind.DEPLOYMENT):
        if other.id == spec.id or other.spec["worker"]["model"]["id"] != spec.worker.model.id:
            continue
        for key in nodepools_of(other.spec):
            if key in wanted:
                raise HomeportError(
                    ErrorCode.CONFLICT,
                    f"deployment {other.id} serves model {spec.worker.model.id} on nodepool {key} already",
                    hint=f"change deployment {other.id}, or use another nodepool",
                    path=f"deployment.nodepools.{wanted[key]}",
                )


def _revise(tx: Transaction, deployment: Record, spec: DeploymentSpec, version: Record) -> Record:
    """The deployment's record, pointing at the revision of this workload."""
    base = ModelVersionSpec.model_validate(version.spec).to_core()
    workload = replace(base, env={**base.env, **spec.env})
    number = int(deployment.status.get("revision", 0))
    current = tx.get(Kind.REVISION, f"{deployment.id}/{number}")
    names = {"model": version.spec["model"]["id"], "model_version": version.spec["id"]}
    if current is not None and _is_same(current, workload, names):
        return deployment
    revision: dict[str, Any] = {
        "workload": canonical.to_plain(workload),
        "spec_hash": workload.spec_hash(),
        **names,
    }
    tx.create(Kind.REVISION, f"{deployment.id}/{number + 1}", revision)
    return tx.put_status(Kind.DEPLOYMENT, deployment.id, {**deployment.status, "revision": number + 1})


def _is_same(current: Record, workload: Workload, names: dict[str, str]) -> bool:
    """Compares what is meant, not hashes: newer code may hash more fields than the code that made the revision."""
    return workload_of(current) == workload and all(current.spec[key] == name for key, name in names.items())
