from collections.abc import Mapping
from typing import Any

from pydantic import model_validator

from homeport.core.policy import Scaling
from homeport.schema.base import ApiModel, live
from homeport.schema.foreign import packing_switch


class ScalingTargets(ApiModel):
    """What each ready replica should be kept at. The one that asks for most replicas decides. Null = not looked at."""

    concurrency: float | None = live(default=None, ge=0.01, le=100_000, recorded=True)
    """Requests at once. Null = as many as the model version takes."""
    requests_per_second: float | None = live(default=None, ge=0.01, le=1_000_000, recorded=True)
    cpu_percent: float | None = live(default=None, ge=1, le=100, recorded=True)
    memory_percent: float | None = live(default=None, ge=1, le=100, recorded=True)
    gpu_percent: float | None = live(default=None, ge=1, le=100, recorded=True)
    gpu_memory_percent: float | None = live(default=None, ge=1, le=100, recorded=True)


class AutoscaleConfig(ApiModel):
    """Bounds and delays of the local autoscaler. All delays are seconds."""

    min_replicas: int = live(default=1, ge=0, le=10_000)
    max_replicas: int = live(default=1, ge=0, le=10_000)
    replicas: int | None = live(default=None, ge=0, le=10_000)
    """A fixed count: nothing is scaled, and the bounds are kept for later. Null = the autoscaler decides."""
    soft_min_replicas: int = live(default=0, ge=0, le=10_000, recorded=True)
    """Kept while the nodes have room to spare."""
    scale_up_delay_seconds: float = live(default=0.0, ge=0, le=86_400)
    scale_down_delay_seconds: float = live(default=300.0, ge=0, le=86_400)
    scale_to_zero_delay_seconds: float = live(default=1800.0, ge=0, le=604_800)
    traffic_history_seconds: float = live(default=300.0, ge=1, le=86_400, recorded=True)
    disable_packing: bool = live(default=False)
    """At most one replica of the deployment on a node."""
    targets: ScalingTargets = live(default_factory=ScalingTargets)

    @model_validator(mode="before")
    @classmethod
    def _read_older_words(cls, given: Any) -> Any:
        return packing_switch(given) if isinstance(given, Mapping) else given

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "AutoscaleConfig":
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas ({self.min_replicas}) must not be above max_replicas ({self.max_replicas})")
        return self

    def bounds(self) -> tuple[int, int]:
        """The fewest and the most replicas that there may be now."""
        return (self.min_replicas, self.max_replicas) if self.replicas is None else (self.replicas, self.replicas)

    def to_core(self) -> Scaling:
        low, high = self.bounds()
        kept = self.model_dump(exclude={"targets", "replicas", "min_replicas", "max_replicas"})
        return Scaling(min_replicas=low, max_replicas=high, **kept)
