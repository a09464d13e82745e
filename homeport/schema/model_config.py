"""The blocks of a model's `config.yaml` beside `model:`. They tell how the model was made; Homeport keeps them."""

from typing import Literal

from homeport.schema.base import ApiModel, live
from homeport.schema.foreign import NotKept


class BuildInfo(ApiModel):
    python_version: str = live(default="", max_length=20)
    image: str = live(default="", max_length=500)
    platform: str = live(default="", max_length=100)
    node_version: str = live(default="", max_length=20)
    dereference_symlinks: bool = live(default=False)


class Checkpoints(ApiModel):
    type: str = live(default="huggingface", max_length=100)
    repo_id: str = live(default="", max_length=500)
    when: Literal["runtime", "build", "upload"] = live(default="runtime")
    hf_token: NotKept = live(default="", max_length=1000)
    """Accepted and not kept: a specification can be read by others."""
    allowed_file_patterns: list[str] = live(default_factory=list, max_length=1000)
    ignore_file_patterns: list[str] = live(default_factory=list, max_length=1000)


class ComputeShape(ApiModel):
    """The short form of `inference_compute_info`."""

    instance: str = live(default="", max_length=100)
    cloud: str = live(default="", max_length=100)
    region: str = live(default="", max_length=100)
    num_gpus: int = live(default=0, ge=0, le=64)
    gpu: str = live(default="", max_length=100)


class Secret(ApiModel):
    id: str = live(max_length=100)
    type: Literal["env"] = live(default="env")
    env_var: str = live(default="", max_length=200)
    value: NotKept = live(default="", max_length=100_000)
    """Accepted and not kept: a specification can be read by others."""
    description: str = live(default="", max_length=1000)


class Concept(ApiModel):
    id: str = live(max_length=200)
    name: str = live(default="", max_length=1000)
