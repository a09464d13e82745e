from typing import Annotated, Literal

from pydantic import JsonValue

from homeport.schema.base import ApiModel, Id, immutable, live
from homeport.schema.compute import ComputeInfo
from homeport.schema.foreign import Visibility
from homeport.schema.labels import Labels
from homeport.schema.model_config import BuildInfo, Checkpoints, ComputeShape, Concept, Secret
from homeport.schema.numbered import Numbered

_RESTRICTIONS = {
    0: "USAGE_RESTRICTION_NOT_SET",
    1: "NO_LIMITS",
    2: "SHARED_COMPUTE_ONLY",
    3: "DEDICATED_COMPUTE_ONLY",
    4: "MODEL_OWNER_DEDICATED_COMPUTE_ONLY",
}
DeployRestriction = Annotated[
    Literal[
        "USAGE_RESTRICTION_NOT_SET",
        "NO_LIMITS",
        "SHARED_COMPUTE_ONLY",
        "DEDICATED_COMPUTE_ONLY",
        "MODEL_OWNER_DEDICATED_COMPUTE_ONLY",
    ],
    Numbered(_RESTRICTIONS),
]


class ModelSpec(ApiModel):
    """What to serve. The last blocks are those of a model's `config.yaml`."""

    id: Id = immutable(reason="versions, deployments and clients name the model by its id")
    description: str = live(default="", max_length=1000)
    default_deployment: str = live(default="", max_length=63)
    """The deployment that answers when a request names the model and several serve it."""
    deploy_restriction: DeployRestriction = live(default="USAGE_RESTRICTION_NOT_SET")
    """Which nodepools may run it, by their tenancy. The last one allows those that are dedicated to `project`."""
    project: str = live(default="", max_length=63)
    """Whom the model belongs to."""
    labels: Labels = live(default_factory=dict)
    model_type_id: str = live(default="", max_length=200, recorded=True)
    user_id: str = live(default="", max_length=200, recorded=True)
    app_id: str = live(default="", max_length=200, recorded=True)
    visibility: Visibility | None = live(default=None, recorded=True)
    build_info: BuildInfo | None = live(default=None, recorded=True)
    inference_compute_info: ComputeInfo | None = live(default=None, recorded=True)
    """What counts is what a version says."""
    compute: ComputeShape | None = live(default=None, recorded=True)
    checkpoints: Checkpoints | None = live(default=None, recorded=True)
    toolkit: dict[str, JsonValue] = live(default_factory=dict, max_length=100, recorded=True)
    num_threads: int | None = live(default=None, ge=1, le=100_000, recorded=True)
    streaming_video_consumer: bool = live(default=False, recorded=True)
    secrets: list[Secret] = live(default_factory=list, max_length=1000, recorded=True)
    concepts: list[Concept] = live(default_factory=list, max_length=100_000, recorded=True)
