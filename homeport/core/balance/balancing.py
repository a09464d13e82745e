"""How a deployment's requests are shared out between its nodes and replicas: the live part of its spec about that."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sticky:
    """Requests with the same client address, header or cookie (`by`, `name`) go to the same replica where it has room.
    `ttl_seconds`: of the cookie, which the gateway sets."""

    by: str = "client_ip"
    name: str = ""
    ttl_seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """GET `path` of each ready replica; 2xx and 3xx are success."""

    path: str = "/health"
    interval_seconds: float = 30.0
    timeout_seconds: float = 5.0
    failure_threshold: int = 3


@dataclass(frozen=True, slots=True)
class Balancing:
    algorithm: str = "least_connections"
    sticky: Sticky | None = None
    health_check: HealthCheck | None = None
