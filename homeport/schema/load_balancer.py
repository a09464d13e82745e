from typing import Literal

from pydantic import model_validator

from homeport.schema.base import ApiModel, live


class HealthCheck(ApiModel):
    """What a gateway asks replicas in service. Whether a new one may serve is its version's `readiness`."""

    path: str = live(default="/health", max_length=500, pattern="^/", recorded=True)
    interval_seconds: float = live(default=30.0, ge=1, le=3600, recorded=True)
    timeout_seconds: float = live(default=5.0, ge=0.05, le=300, recorded=True)
    failure_threshold: int = live(default=3, ge=1, le=100, recorded=True)


class StickySessions(ApiModel):
    """Requests of one client go to one replica while it is there."""

    by: Literal["client_ip", "header", "cookie"] = live(default="client_ip", recorded=True)
    name: str = live(default="", max_length=200, recorded=True)
    """Of the header or cookie."""
    ttl_seconds: float = live(default=3600.0, ge=1, le=604_800, recorded=True)

    @model_validator(mode="after")
    def _has_a_name_where_one_is_needed(self) -> "StickySessions":
        if (self.by == "client_ip") == bool(self.name):
            raise ValueError("`name` goes with `by: header` and `by: cookie`, and these need one")
        return self


class LoadBalancer(ApiModel):
    algorithm: Literal["least_connections", "round_robin", "ip_hash"] = live(default="least_connections", recorded=True)
    sticky_sessions: StickySessions | None = live(default=None, recorded=True)
    health_check: HealthCheck | None = live(default=None, recorded=True)
