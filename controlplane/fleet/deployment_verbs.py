"""Stop, start, restart, scale and pause: edits of a deployment that have a name of their own.

Each raises NOT_FOUND, and what accepting the edited spec raises.
"""

from collections.abc import Iterable
from typing import Any

from controlplane.fleet.accept import Accepted, Action
from controlplane.fleet.deployments import accept_deployment
from controlplane.fleet.references import missing
from controlplane.fleet.revisions import current_revision, revise, version_key_of
from controlplane.store.store import Kind, Record, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.status import ReplicaReport, ReplicaStatus
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.documents import parse_spec
from homeport.schema.edits import ScaleRequest

# One that has failed is started again: it counts.
_LEAVING = frozenset({ReplicaStatus.DRAINING, ReplicaStatus.STOPPED, ReplicaStatus.FENCED})


def stop_deployment(tx: Transaction, deployment_id: str) -> Accepted:
    """Its replicas stop; bounds, revisions and address stay."""
    return edit_deployment(tx, deployment_id, {"state": "stopped"})


def start_deployment(tx: Transaction, deployment_id: str) -> Accepted:
    return edit_deployment(tx, deployment_id, {"state": "running"})


def scale_deployment(tx: Transaction, deployment_id: str, wanted: ScaleRequest) -> Accepted:
    """A fixed count keeps the bounds for later; new bounds end it. Raises INVALID_ARGUMENT for a minimum above the
    maximum."""
    scaling = find_deployment(tx, deployment_id).spec["autoscale_config"]
    given = {"min_replicas": wanted.min_replicas, "max_replicas": wanted.max_replicas}
    bounds = {name: value for name, value in given.items() if value is not None}
    return edit_deployment(tx, deployment_id, {"autoscale_config": {**scaling, **bounds, "replicas": wanted.replicas}})


def pause_autoscaling(tx: Transaction, deployment_id: str, replicas: Iterable[ReplicaReport]) -> Accepted:
    """The count stays where it is. `replicas` are those of the deployment now. Raises CONFLICT for a stopped one."""
    spec = DeploymentSpec.model_validate(find_deployment(tx, deployment_id).spec)
    if spec.state == "stopped":
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"deployment {deployment_id} is stopped, so there is nothing to pause",
            hint=f"start it: homeport deployment start {deployment_id}",
        )
    if spec.autoscale_config.replicas is not None:
        return edit_deployment(tx, deployment_id, {})
    count = sum(report.status not in _LEAVING for report in replicas)
    return scale_deployment(tx, deployment_id, ScaleRequest(replicas=count))


def restart_deployment(tx: Transaction, deployment_id: str) -> Accepted:
    """A rollout of the same workload. Raises CONFLICT for a stopped deployment."""
    deployment = find_deployment(tx, deployment_id)
    spec = DeploymentSpec.model_validate(deployment.spec)
    if spec.state == "stopped":
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"deployment {deployment_id} is stopped, so there is nothing to restart",
            hint=f"start it: homeport deployment start {deployment_id}",
        )
    revision = current_revision(tx, deployment)
    version = tx.get(Kind.MODEL_VERSION, version_key_of(revision)) if revision else None
    if version is None:
        raise HomeportError(ErrorCode.CONFLICT, f"deployment {deployment_id} has no revision to restart")
    restarts = int(deployment.status.get("restarts", 0)) + 1
    counted = tx.put_status(Kind.DEPLOYMENT, deployment_id, {**deployment.status, "restarts": restarts})
    return Accepted(revise(tx, counted, spec, version), Action.CONFIGURED)


def edit_deployment(tx: Transaction, deployment_id: str, fields: dict[str, Any]) -> Accepted:
    spec = parse_spec(DeploymentSpec, {**find_deployment(tx, deployment_id).spec, **fields}, "deployment")
    return accept_deployment(tx, spec, keep_version=True)


def find_deployment(tx: Transaction, deployment_id: str) -> Record:
    deployment = tx.get(Kind.DEPLOYMENT, deployment_id)
    if deployment is None:
        raise missing(Kind.DEPLOYMENT, deployment_id, (each.id for each in tx.all(Kind.DEPLOYMENT)))
    return deployment
