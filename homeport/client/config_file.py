"""A spec from a configuration file, in which what the caller says wins."""

from collections.abc import Mapping
from typing import Any

from homeport.client.documents import read_spec
from homeport.core.errors import ErrorCode, HomeportError


def spec_from_file(config_filepath: str, root: str, **said: Any) -> dict[str, Any]:
    """The body of the file's one document. Empty values of `said` leave the file's as they are."""
    body = read_spec(config_filepath, root) if config_filepath else {}
    spec = {**body, **{key: value for key, value in said.items() if value}}
    if not spec.get("id"):
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"neither the file nor the caller says the id of the {root.replace('_', ' ')}",
            path=f"{root}.id",
        )
    return spec


def with_nodepool(spec: Mapping[str, Any], nodepool: str) -> dict[str, Any]:
    """A deployment's spec that serves on `nodepool` (CLUSTER/NODEPOOL). Raises when the file says otherwise."""
    cluster, pool = nodepool.split("/")
    named = [*_list(spec.get("nodepools")), *_list(spec.get("deployment_nodepools"))]
    if not named:
        return {**spec, "nodepools": [{"id": pool, "compute_cluster": {"id": cluster}}]}
    keys = [_key(each) for each in named]
    if nodepool not in keys:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"the deployment is to be made on nodepool {nodepool}, and the file deploys to {', '.join(keys)}",
            hint="name that nodepool in the file, or leave `nodepools` out of it",
            path="deployment.nodepools",
        )
    return dict(spec)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _key(plain: Any) -> str:
    """CLUSTER/NODEPOOL of one entry; whatever the server is going to refuse comes out as it can."""
    if not isinstance(plain, Mapping):
        return str(plain)
    pool = plain.get("nodepool") if isinstance(plain.get("nodepool"), Mapping) else plain
    cluster = (pool or {}).get("compute_cluster") or plain.get("compute_cluster")
    return f"{cluster.get('id') if isinstance(cluster, Mapping) else cluster}/{(pool or {}).get('id')}"
