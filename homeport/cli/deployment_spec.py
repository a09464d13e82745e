"""A deployment's spec from flags, for `deployment create` and `deploy`."""

from typing import Any

from homeport.cli.ids import nodepool_ref, two_parts
from homeport.cli.options import given


def deployment_spec(
    deployment_id: str,
    model: str,
    nodepools: list[str],
    min_replicas: int | None,
    max_replicas: int | None,
    env: dict[str, str],
) -> dict[str, Any]:
    """`model` is MODEL or MODEL/VERSION. With only one bound given the other follows it where it must."""
    model_id, version = two_parts(model, "MODEL[/VERSION]", second_optional=True)
    worker: dict[str, Any] = {"id": model_id}
    if version:
        worker["model_version"] = {"id": version}
    if min_replicas is not None and max_replicas is None:
        max_replicas = max(1, min_replicas)
    if max_replicas == 0 and min_replicas is None:
        min_replicas = 0
    bounds = given(min_replicas=min_replicas, max_replicas=max_replicas)
    return {
        "id": deployment_id,
        "worker": {"model": worker},
        "nodepools": [nodepool_ref(nodepool) for nodepool in nodepools],
        **given(autoscale_config=bounds, env=env),
    }
