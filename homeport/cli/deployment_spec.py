"""A deployment's spec from flags, for `deployment create` and `deploy`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from homeport.cli.ids import nodepool_ref, two_parts
from homeport.cli.options import given


@dataclass(frozen=True, slots=True)
class DeploymentFlags:
    """`model` is MODEL or MODEL/VERSION, `nodepools` are CLUSTER/NODEPOOL, best first. Empty = not given."""

    model: str = ""
    nodepools: list[str] = field(default_factory=list)
    min_replicas: int | None = None
    max_replicas: int | None = None
    environment: str = ""
    residency: dict[str, str] = field(default_factory=dict)
    project: str = ""
    env: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)


def deployment_spec(deployment_id: str, flags: DeploymentFlags, first_nodepools: Sequence[str] = ()) -> dict[str, Any]:
    """With only one bound given the other follows it where it must."""
    model_id, version = two_parts(flags.model, "MODEL[/VERSION]", second_optional=True)
    worker: dict[str, Any] = {"id": model_id}
    if version:
        worker["model_version"] = {"id": version}
    least, most = flags.min_replicas, flags.max_replicas
    if least is not None and most is None:
        most = max(1, least)
    if most == 0 and least is None:
        least = 0
    return {
        "id": deployment_id,
        "worker": {"model": worker},
        "nodepools": [nodepool_ref(nodepool) for nodepool in (*first_nodepools, *flags.nodepools)],
        **given(
            autoscale_config=given(min_replicas=least, max_replicas=most),
            environment=flags.environment,
            residency=flags.residency,
            project=flags.project,
            env=flags.env,
            labels=flags.labels,
        ),
    }
