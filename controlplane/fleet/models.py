"""Models and their versions."""

from controlplane.fleet.accept import Accepted, Action, accept
from controlplane.fleet.projects import known_project
from controlplane.fleet.references import in_use, parent
from controlplane.fleet.revisions import revise, versions_in_use
from controlplane.fleet.secret_uses import check_uses
from controlplane.fleet.tenancy import check_users
from controlplane.store.store import Index, Kind, Record, Transaction
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.model import ModelSpec
from homeport.schema.model_version import ModelVersionSpec


def accept_model(tx: Transaction, spec: ModelSpec) -> Accepted:
    """Raises NOT_FOUND for an unknown project, CONFLICT when a deployment may no longer be where it is."""
    known_project(tx, spec.project, "model.project")
    accepted = accept(tx, Kind.MODEL, spec.id, spec, "model")
    if accepted.action is Action.CONFIGURED:
        check_users(tx, accepted.record, "model.deploy_restriction")
    return accepted


def accept_model_version(tx: Transaction, spec: ModelVersionSpec) -> Accepted:
    """Rolls a new one out to the deployments that want the latest.

    Raises NOT_FOUND for an unknown model or secret, INVALID_ARGUMENT for a key that a secret has not, CONFLICT when the
    version exists with another content.
    """
    parent(tx, Kind.MODEL, spec.model.id, "model_version.model.id")
    check_uses(tx, spec.secrets, spec.driver, "model_version.secrets")
    accepted = accept(
        tx,
        Kind.MODEL_VERSION,
        f"{spec.model.id}/{spec.id}",
        spec,
        "model_version",
        fixed_hint="versions are immutable: give the new content a new version id",
    )
    if accepted.action is Action.CREATED:
        _roll_out(tx, accepted.record)
    return accepted


def versions_of(tx: Transaction, model_id: str) -> list[Record]:
    """Oldest first. A version never changes, so its seq is when it was made."""
    return sorted(tx.find(Index.VERSIONS_OF_MODEL, model_id), key=lambda version: version.seq)


def delete_model(tx: Transaction, model_id: str) -> None:
    """Raises NOT_FOUND, IN_USE."""
    versions = versions_of(tx, model_id)
    if versions:
        raise in_use(f"model {model_id}", "it has version", versions, "delete its versions first")
    tx.delete(Kind.MODEL, model_id)


def delete_model_version(tx: Transaction, key: str) -> None:
    """Raises NOT_FOUND, IN_USE."""
    users = [deployment for deployment in tx.all(Kind.DEPLOYMENT) if key in versions_in_use(tx, deployment)]
    if users:
        raise in_use(
            f"model version {key}", "it runs in deployment", users, "move them to another version or delete them first"
        )
    tx.delete(Kind.MODEL_VERSION, key)


def _roll_out(tx: Transaction, version: Record) -> None:
    for deployment in tx.all(Kind.DEPLOYMENT):
        wants_it = deployment.spec.get("deploy_latest_version", False)
        if wants_it and deployment.spec["worker"]["model"]["id"] == version.spec["model"]["id"]:
            revise(tx, deployment, DeploymentSpec.model_validate(deployment.spec), version)
