from typing import Literal

from pydantic import model_validator

from homeport.core.balance.balancing import Balancing
from homeport.core.balance.balancing import HealthCheck as HealthCheckPolicy
from homeport.core.balance.balancing import Sticky as StickyPolicy
from homeport.schema.base import ApiModel, live

# What a cookie's or a header's name is made of (RFC 9110).
_TOKEN = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]*$"


class HealthCheck(ApiModel):
    """What agents ask their ready replicas over HTTP: one that fails gets no requests until it answers again, and is
    not restarted. Whether a new one may serve is its version's `readiness`; what hangs is found by `liveness`."""

    path: str = live(default="/health", max_length=500, pattern="^/[!-~]*$")
    interval_seconds: float = live(default=30.0, ge=1, le=3600)
    timeout_seconds: float = live(default=5.0, ge=0.05, le=300)
    failure_threshold: int = live(default=3, ge=1, le=100)
    """Failures in a row."""


class StickySessions(ApiModel):
    """Requests of one client go to one replica while it is there and has room."""

    by: Literal["client_ip", "header", "cookie"] = live(default="client_ip")
    name: str = live(default="", max_length=200, pattern=_TOKEN)
    """Of the header or cookie. The cookie is set by the gateway."""
    ttl_seconds: float = live(default=3600.0, ge=1, le=604_800)
    """How long a client keeps its cookie."""

    @model_validator(mode="after")
    def _has_a_name_where_one_is_needed(self) -> "StickySessions":
        if (self.by == "client_ip") == bool(self.name):
            raise ValueError("`name` goes with `by: header` and `by: cookie`, and these need one")
        if self.by == "header" and "_" in self.name:
            raise ValueError("the gateway drops headers with an underscore: choose a name with hyphens")
        return self


class LoadBalancer(ApiModel):
    algorithm: Literal["least_connections", "round_robin", "ip_hash", "power_of_two"] = live(
        default="least_connections"
    )
    """Between nodes of the ranks that the load needs, and between the replicas of a node; docs/gateway.md tells what
    each does."""
    sticky_sessions: StickySessions | None = live(default=None)
    health_check: HealthCheck | None = live(default=None)

    def to_core(self) -> Balancing | None:
        """None: all of it is the default."""
        sticky, check = self.sticky_sessions, self.health_check
        balancing = Balancing(
            self.algorithm,
            StickyPolicy(sticky.by, sticky.name.lower() if sticky.by == "header" else sticky.name, sticky.ttl_seconds)
            if sticky
            else None,
            HealthCheckPolicy(check.path, check.interval_seconds, check.timeout_seconds, check.failure_threshold)
            if check
            else None,
        )
        return None if balancing == Balancing() else balancing
