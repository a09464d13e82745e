"""Which nodepools a deployment may use: those that are shared or its project's, as far as its model allows."""

from collections.abc import Sequence
from typing import Any

from controlplane.fleet.references import NamesOthers, noun
from controlplane.store.store import Kind, Record, Transaction
from homeport.core.errors import ErrorCode, HomeportError


def why_not(project: str, model: dict[str, Any], nodepool: dict[str, Any]) -> str:
    """The reason why a deployment of `project` may not serve `model` on `nodepool` (both specs); empty = it may."""
    owner = nodepool.get("project", "") if nodepool.get("tenancy") == "dedicated" else ""
    if owner and project != owner:
        return f"it is dedicated to project {owner}, and the deployment belongs to {project or 'none'}"
    restriction = model.get("deploy_restriction", "USAGE_RESTRICTION_NOT_SET")
    if restriction == "SHARED_COMPUTE_ONLY" and owner:
        return f"it is dedicated, and model {model['id']} may run on shared nodepools only"
    if restriction == "DEDICATED_COMPUTE_ONLY" and not owner:
        return f"it is shared, and model {model['id']} may run on dedicated nodepools only"
    if restriction == "MODEL_OWNER_DEDICATED_COMPUTE_ONLY" and (not owner or owner != model.get("project", "")):
        whose = f"project {model['project']}" if model.get("project") else "its project, but it has none"
        return f"model {model['id']} may run only on nodepools that are dedicated to {whose}"
    return ""


def check_deployment(tx: Transaction, project: str, model: Record, nodepool_keys: list[str]) -> None:
    """Raises CONFLICT with the path of the nodepool."""
    for index, key in enumerate(nodepool_keys):
        nodepool = tx.get(Kind.NODEPOOL, key)
        reason = why_not(project, model.spec, nodepool.spec) if nodepool else ""
        if reason:
            raise HomeportError(
                ErrorCode.CONFLICT,
                f"the deployment may not use nodepool {key}: {reason}",
                hint="choose another nodepool, or change its tenancy or the model's deploy_restriction",
                path=f"deployment.nodepools.{index}",
            )


def check_users(tx: Transaction, changed: Record, path: str) -> None:
    """For a model or a nodepool that has just been written: raises CONFLICT when a deployment may no longer be where
    it is."""
    for deployment in tx.all(Kind.DEPLOYMENT):
        model_id, keys = deployment.spec["worker"]["model"]["id"], _nodepool_keys(deployment)
        if changed.id not in ([model_id] if changed.kind is Kind.MODEL else keys):
            continue
        model = tx.get(Kind.MODEL, model_id)
        for key in keys if changed.kind is Kind.MODEL else [changed.id]:
            nodepool = tx.get(Kind.NODEPOOL, key)
            if model is None or nodepool is None:
                continue
            reason = why_not(deployment.spec.get("project", ""), model.spec, nodepool.spec)
            if reason:
                raise _could_not_stay(deployment, key, reason, noun(changed.kind), path)


def _could_not_stay(deployment: Record, key: str, reason: str, changed: str, path: str) -> HomeportError:
    def tell(seen: Sequence[Record], hidden: int) -> HomeportError:
        who = "a deployment that you may not see" if hidden else f"deployment {deployment.id}"
        why, move = ("", "it must be moved") if hidden else (f": {reason}", f"move or delete {who}")
        return HomeportError(
            ErrorCode.CONFLICT,
            f"{who} is on nodepool {key} and could not stay there{why}",
            hint=f"{move} first, then change the {changed}",
            path=path,
        )

    return NamesOthers([deployment], tell)


def _nodepool_keys(deployment: Record) -> list[str]:
    return [f"{pool['compute_cluster']['id']}/{pool['id']}" for pool in deployment.spec["nodepools"]]
