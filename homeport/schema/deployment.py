from typing import Literal

from pydantic import model_validator

from homeport.core.policy import Policy, Scaling
from homeport.schema.base import ApiModel, Env, Id, immutable, live, rollout
from homeport.schema.cluster import NodepoolRef


class AutoscaleConfig(ApiModel):
    """Bounds and delays of the local autoscaler. All delays are seconds."""

    min_replicas: int = live(default=1, ge=0, le=10_000)
    max_replicas: int = live(default=1, ge=0, le=10_000)
    scale_up_delay_seconds: float = live(default=0.0, ge=0, le=86_400)
    scale_down_delay_seconds: float = live(default=300.0, ge=0, le=86_400)
    scale_to_zero_delay_seconds: float = live(default=1800.0, ge=0, le=604_800)
    traffic_history_seconds: float = live(default=300.0, ge=1, le=86_400)
    soft_min_replicas: int = live(default=0, ge=0, le=10_000)
    disable_packing: bool = live(default=False)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "AutoscaleConfig":
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas ({self.min_replicas}) must not be above max_replicas ({self.max_replicas})")
        return self

    def to_core(self) -> Scaling:
        return Scaling(**self.model_dump())


class ModelVersionRef(ApiModel):
    id: Id = rollout()


class WorkerModel(ApiModel):
    id: Id = immutable()
    model_version: ModelVersionRef | None = rollout(default=None)
    """None = the newest version at the time of the write."""


class Worker(ApiModel):
    model: WorkerModel = immutable()


class DeploymentSpec(ApiModel):
    """A model version served on one or more nodepools, best first."""

    id: Id = immutable()
    description: str = live(default="", max_length=1000)
    worker: Worker = rollout()
    nodepools: list[NodepoolRef] = live(min_length=1, max_length=100)
    autoscale_config: AutoscaleConfig = live(default_factory=AutoscaleConfig)
    env: Env = rollout(default_factory=dict)
    """Added to the model version's env; the same name wins here."""
    hold_seconds: float = live(default=60.0, ge=0, le=3600)
    """How long a request may wait for a replica before it is answered with 503."""
    hold_limit: int = live(default=1024, ge=0, le=100_000)
    request_timeout_seconds: float = live(default=600.0, ge=0, le=86_400)
    retry: Literal["safe", "none"] = live(default="safe")

    def policy(self) -> Policy:
        return Policy(
            scaling=self.autoscale_config.to_core(),
            hold_seconds=self.hold_seconds,
            hold_limit=self.hold_limit,
            request_timeout_seconds=self.request_timeout_seconds,
            retry=self.retry,
        )
