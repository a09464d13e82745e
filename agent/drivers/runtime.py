"""What a driver drives, as far as others plan by it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Runtime:
    """`name` with its version. `gpu_obstacle`: why it can give replicas no GPUs. `images` that it has, as
    homeport.core.image_name spells them, the newest first."""

    name: str = ""
    gpu_obstacle: str = ""
    images: tuple[str, ...] = ()
