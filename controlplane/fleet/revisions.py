"""Revisions: immutable snapshots of a deployment's workload, numbered from 1."""

from dataclasses import replace
from typing import Any

from controlplane.fleet.secret_uses import environment_of
from controlplane.store.store import Index, Kind, Record, Store, Transaction
from homeport.core import canonical
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.resources import ComputeNeeds
from homeport.core.rollout.track import deployment_of
from homeport.core.workload import Workload
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.model_version import ModelVersionSpec


def revise(tx: Transaction, deployment: Record, spec: DeploymentSpec, version: Record) -> Record:
    """The deployment's record, pointing at the revision of this workload: the current one if it is the same."""
    version_spec = ModelVersionSpec.model_validate(version.spec)
    base = version_spec.to_core()
    workload = replace(
        base,
        **environment_of(tx, version_spec, spec),
        needs=_needs(spec, base.needs),
        restart=deployment.status.get("restarts", 0),
    )
    current = current_revision(tx, deployment)
    names = {"model": version.spec["model"]["id"], "model_version": version.spec["id"]}
    if current is not None and _is_same(current, workload, names):
        return deployment
    number = int(deployment.status.get("revision", 0)) + 1
    revision: dict[str, Any] = {
        "workload": canonical.to_plain(workload),
        "spec_hash": workload.spec_hash(),
        **names,
    }
    tx.create(Kind.REVISION, f"{deployment.id}/{number}", revision)
    return tx.put_status(Kind.DEPLOYMENT, deployment.id, {**deployment.status, "revision": number})


def revise_users_of_secret(tx: Transaction, secret_id: str) -> None:
    """Those deployments whose replicas are given a value that has changed."""
    for deployment in tx.all(Kind.DEPLOYMENT):
        current = current_revision(tx, deployment)
        if current is None or secret_id not in workload_of(current).secrets_needed():
            continue
        version = tx.get(Kind.MODEL_VERSION, version_key_of(current))
        if version is not None:
            revise(tx, deployment, DeploymentSpec.model_validate(deployment.spec), version)


def _needs(spec: DeploymentSpec, base: ComputeNeeds) -> ComputeNeeds:
    """Raises INVALID_ARGUMENT when the version's needs and the deployment's changes of them contradict each other."""
    if spec.compute_info is None:
        return base
    try:
        return spec.compute_info.over(base)
    except ValueError as error:
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, str(error), path="deployment.compute_info") from None


def current_revision(objects: Transaction | Store, deployment: Record) -> Record | None:
    """The newest; of a track its own."""
    return objects.get(Kind.REVISION, f"{deployment_of(deployment.id)}/{deployment.status.get('revision', 0)}")


def versions_in_use(objects: Transaction | Store, deployment: Record) -> set[str]:
    """Keys of the model versions of its newest revision, and of those that run beside it or are to."""
    listed = {share["revision"] for share in deployment.spec.get("traffic_split", ())}
    running = {track["revision"] for track in deployment.status.get("tracks", {}).values()}
    numbers = {deployment.status.get("revision", 0), *listed, *running}
    found = (objects.get(Kind.REVISION, f"{deployment.id}/{number}") for number in numbers)
    return {version_key_of(revision) for revision in found if revision is not None}


def revisions_of(objects: Transaction | Store, deployment_id: str) -> list[Record]:
    """Oldest first."""
    own = objects.find(Index.REVISIONS_OF_DEPLOYMENT, deployment_id)
    return sorted(own, key=lambda revision: int(revision.id.rpartition("/")[2]))


def known_revision(tx: Transaction, deployment: Record, revision: int, path: str) -> None:
    """Raises NOT_FOUND naming those that there are."""
    newest = int(deployment.status["revision"])
    if not 1 <= revision <= newest or tx.get(Kind.REVISION, f"{deployment.id}/{revision}") is None:
        there = "revision 1 only" if newest == 1 else f"revisions 1 to {newest}"
        raise HomeportError(
            ErrorCode.NOT_FOUND,
            f"deployment {deployment.id} has no revision {revision}",
            hint=f"it has {there}: homeport deployment revisions {deployment.id} shows what each runs",
            path=path,
        )


def check_split(tx: Transaction, deployment: Record) -> None:
    """Of a record that was just accepted: a revision that this very edit makes counts. Raises NOT_FOUND."""
    for index, share in enumerate(deployment.spec.get("traffic_split", ())):
        known_revision(tx, deployment, share["revision"], f"deployment.traffic_split.{index}.revision")


def workload_of(revision: Record) -> Workload:
    workload: Workload = canonical.from_plain(Workload, revision.spec["workload"])
    return workload


def version_key_of(revision: Record) -> str:
    return f"{revision.spec['model']}/{revision.spec['model_version']}"


def _is_same(current: Record, workload: Workload, names: dict[str, str]) -> bool:
    """Compares what is meant, not hashes: newer code may hash more fields than the code that made the revision."""
    return workload_of(current) == workload and all(current.spec[key] == name for key, name in names.items())
