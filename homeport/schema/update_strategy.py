from typing import Literal

from pydantic import model_validator

from homeport.schema.base import ApiModel, live


class CanaryStep(ApiModel):
    percent: int = live(ge=0, le=100)
    """Of the requests, to the new revision."""
    pause_seconds: float = live(default=300.0, ge=0, le=604_800)


class UpdateStrategy(ApiModel):
    """How a deployment moves from one revision to the next."""

    type: Literal["rolling", "blue_green", "canary"] = live(default="rolling", recorded=True)
    max_surge: int = live(default=1, ge=0, le=10_000, recorded=True)
    """Replicas above the maximum meanwhile."""
    max_unavailable: int = live(default=0, ge=0, le=10_000, recorded=True)
    """Replicas that may be missing from the minimum meanwhile."""
    min_ready_seconds: float = live(default=10.0, ge=0, le=86_400, recorded=True)
    progress_deadline_seconds: float = live(default=600.0, ge=1, le=604_800, recorded=True)
    auto_rollback: bool = live(default=True, recorded=True)
    canary_steps: list[CanaryStep] = live(default_factory=list, max_length=100, recorded=True)

    @model_validator(mode="after")
    def _fields_fit_together(self) -> "UpdateStrategy":
        if self.canary_steps and self.type != "canary":
            raise ValueError("`canary_steps` goes with `type: canary`")
        if self.max_surge == 0 and self.max_unavailable == 0:
            raise ValueError("max_surge and max_unavailable must not both be 0: nothing could ever be replaced")
        return self
