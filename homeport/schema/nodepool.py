from typing import Literal

from pydantic import model_validator

from homeport.schema.base import ApiModel, Id, immutable, inherited, live
from homeport.schema.cluster import ClusterRef
from homeport.schema.compute import ComputeInfo
from homeport.schema.foreign import Visibility
from homeport.schema.instance_type import CapacityType, InstanceTypeId
from homeport.schema.labels import Labels


class NodepoolRef(ApiModel):
    id: Id = inherited()
    compute_cluster: ClusterRef = inherited()
    user_id: str = live(default="", max_length=200, recorded=True)

    @property
    def key(self) -> str:
        return f"{self.compute_cluster.id}/{self.id}"


class NodepoolInstanceType(ApiModel):
    """A kind of machine that the nodepool is meant for."""

    id: InstanceTypeId = inherited()
    compute_info: ComputeInfo | None = inherited(default=None)
    """Null = as the instance type says."""


class NodeCapacityType(ApiModel):
    capacity_types: list[CapacityType] = inherited(default_factory=list, max_length=10)


class NodepoolSpec(ApiModel):
    """Nodes of one cluster with like hardware."""

    id: Id = immutable(reason="nodes and deployments name the nodepool by its id")
    compute_cluster: ClusterRef = immutable(reason="its nodes are in one place: make a nodepool in the other cluster")
    """The cluster that it belongs to: {id: ...}."""
    description: str = live(default="", max_length=1000)
    min_instances: int = live(default=0, ge=0, le=100_000)
    """While fewer of its hosts are ready, an alarm says so."""
    max_instances: int = live(default=1000, ge=1, le=100_000)
    """Hosts beyond this number are refused when they join."""
    overcommit: float = live(default=4.0, ge=1, le=100)
    """How many times over deployments' maxima may claim what a node has, for what would find no place otherwise. Minima
    are kept free always. 1 = never: what one may have, no other is given."""
    node_approval: Literal["automatic", "required"] = live(default="automatic")
    """`required`: a host that joins gets nothing to run until somebody lets it in: `homeport node approve`."""
    tenancy: Literal["shared", "dedicated"] = live(default="shared")
    """`dedicated`: only deployments of `project` may use it."""
    project: str = live(default="", max_length=63)
    labels: Labels = live(default_factory=dict)
    instance_types: list[NodepoolInstanceType] = live(default_factory=list, max_length=100)
    """What hosts of it should look like: their prices order nodepools for `scheduling_choice: PRICE`. A host that joins
    is taken as it is."""
    node_capacity_type: NodeCapacityType | None = live(default=None)
    """Orders nodepools for `scheduling_choice: PREFER_SPOT` and `PREFER_ONDEMAND`."""
    user_id: str = live(default="", max_length=200, recorded=True)
    visibility: Visibility | None = live(default=None, recorded=True)

    @model_validator(mode="after")
    def _fields_fit_together(self) -> "NodepoolSpec":
        if self.min_instances > self.max_instances:
            raise ValueError(
                f"min_instances ({self.min_instances}) must not be above max_instances ({self.max_instances})"
            )
        if (self.tenancy == "dedicated") != bool(self.project):
            raise ValueError("`project` goes with `tenancy: dedicated`, and `tenancy: dedicated` needs one")
        return self


class JoinTokenSpec(ApiModel):
    """Lets one host join a nodepool."""

    nodepool: NodepoolRef = immutable()
    ttl_seconds: int = immutable(default=300, ge=10, le=1800)
