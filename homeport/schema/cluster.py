from typing import Literal

from homeport.schema.base import ApiModel, Id, immutable, live


class ClusterRef(ApiModel):
    id: Id = immutable()


class ClusterSpec(ApiModel):
    """One site: hosts that share a place, a network and an owner."""

    id: Id = immutable()
    description: str = live(default="", max_length=1000)
    kind: Literal["vpc", "on-prem", "edge", "air-gapped", "cloud"] = live(default="on-prem")
    region: str = live(default="", max_length=100)
    labels: dict[str, str] = live(default_factory=dict)


class NodepoolSpec(ApiModel):
    """Nodes of one cluster with like hardware."""

    id: Id = immutable()
    compute_cluster: ClusterRef = immutable()
    description: str = live(default="", max_length=1000)
    min_instances: int = live(default=0, ge=0, le=100_000)
    max_instances: int = live(default=1000, ge=1, le=100_000)
    labels: dict[str, str] = live(default_factory=dict)


class NodepoolRef(ApiModel):
    id: Id = immutable()
    compute_cluster: ClusterRef = immutable()

    @property
    def key(self) -> str:
        return f"{self.compute_cluster.id}/{self.id}"


class JoinTokenSpec(ApiModel):
    """Lets one host join a nodepool."""

    nodepool: NodepoolRef = immutable()
    ttl_seconds: int = immutable(default=300, ge=10, le=1800)
