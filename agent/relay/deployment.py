"""What the relay is told: the terms of a deployment on this node, and where its ready replicas listen."""

from dataclasses import dataclass

from homeport.core.balance.balancing import Balancing


@dataclass(frozen=True, slots=True)
class DeploymentRelay:
    """`concurrency` is per replica, `hold_limit` per node; `request_timeout_seconds` 0 = none."""

    deployment_id: str
    revision: int
    rank: int
    min_replicas: int
    max_replicas: int
    concurrency: int
    hold_seconds: float
    hold_limit: int
    request_timeout_seconds: float
    served_model_name: str
    # None = the least busy replica, and nothing else.
    balancing: Balancing | None = None


@dataclass(frozen=True, slots=True)
class Upstream:
    """A ready replica's loopback address. `grpc_port` 0 = it takes gRPC on `port`, too. `is_unwell`: it fails its
    health checks."""

    replica_id: str
    host: str
    port: int
    grpc_port: int = 0
    is_unwell: bool = False
