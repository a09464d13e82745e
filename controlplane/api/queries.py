"""By what each kind of object is sorted and filtered."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from controlplane.api.list_query import LabelQuery, ListQuery, field
from controlplane.api.paging import Getter, Matches
from homeport.core.access.role import Role
from homeport.core.quantity import parse_bytes
from homeport.core.status import NodeStatus, ReplicaStatus
from homeport.schema.quantities import Size

Getters = dict[str, Getter]
Name = Annotated[str, Field(max_length=200)]


class ProjectQuery(LabelQuery):
    pass


class SecretQuery(ListQuery):
    filters: ClassVar[Getters] = {"project": field("spec.project")}

    project: Name | None = None


class ClusterQuery(LabelQuery):
    filters: ClassVar[Getters] = {
        "kind": field("spec.kind"),
        "region": field("spec.region"),
        "cloud_provider": field("spec.cloud_provider.id"),
    }

    kind: Name | None = None
    region: Name | None = None
    cloud_provider: Name | None = None
    """Its id: aws, gcp, ..."""


class NodepoolQuery(LabelQuery):
    filters: ClassVar[Getters] = {
        "cluster": field("spec.compute_cluster.id"),
        "tenancy": field("spec.tenancy"),
        "project": field("spec.project"),
    }

    cluster: Name | None = None
    """Only those of this cluster."""
    tenancy: Literal["shared", "dedicated"] | None = None
    project: Name | None = None
    """Only those that are dedicated to this project."""


class InstanceTypeQuery(ListQuery):
    filters: ClassVar[Getters] = {
        "source": field("status.source"),
        "cloud_provider": field("spec.cloud_provider.id"),
        "region": field("spec.region"),
        "architecture": field("spec.architecture"),
    }
    sorts: ClassVar[Getters] = {"id": field("id"), "price_per_hour": field("spec.price_per_hour")}

    source: Literal["catalogue", "own", "node"] | None = None
    """Only those that came with Homeport, that are your own, or that enrolled hosts are of."""
    cloud_provider: Name | None = None
    region: Name | None = None
    architecture: Name | None = None
    accelerator_type: Name | None = None
    """Only those with this accelerator: its name, a part of it, or a pattern such as `NVIDIA-*`."""
    min_accelerators: int | None = Field(default=None, ge=0, le=64)
    min_accelerator_memory: Size | None = None
    """Of each accelerator, such as 24Gi."""

    def tests(self) -> Iterator[Matches]:
        yield from super().tests()
        if self.accelerator_type is not None:
            yield _has_accelerator(self.accelerator_type.casefold())
        if self.min_accelerators is not None:
            fewest = self.min_accelerators
            yield lambda each: bool(each["spec"]["compute_info"]["num_accelerators"] >= fewest)
        if self.min_accelerator_memory is not None:
            least = parse_bytes(self.min_accelerator_memory)
            yield lambda each: parse_bytes(each["spec"]["compute_info"]["accelerator_memory"]) >= least


class ModelQuery(LabelQuery):
    filters: ClassVar[Getters] = {"project": field("spec.project")}

    project: Name | None = None
    """Only those of this project."""


class ModelVersionQuery(ListQuery):
    # They never change, so the write that made one says when, even among those of one moment.
    sorts: ClassVar[Getters] = {"id": field("id"), "created_at": field("seq")}

    sort: str = "created_at"
    """A field; `-` before it turns the order round."""


class RevisionQuery(ModelVersionQuery):
    pass


class DeploymentQuery(LabelQuery):
    filters: ClassVar[Getters] = {
        "model": field("spec.worker.model.id"),
        "phase": field("status.phase"),
        "state": field("spec.state"),
        "environment": field("spec.environment"),
        "project": field("spec.project"),
    }
    sorts: ClassVar[Getters] = {
        **LabelQuery.sorts,
        "phase": field("status.phase"),
        "since": field("status.since"),
    }

    model: Name | None = None
    """Only those of this model."""
    phase: Literal["pending", "starting", "ready", "degraded", "stopped", "failed"] | None = None
    state: Literal["running", "stopped"] | None = None
    environment: Literal["development", "staging", "production"] | None = None
    project: Name | None = None
    """Only those of this project."""
    cluster: Name | None = None
    """Only those that may use a nodepool of this cluster."""
    nodepool: Name | None = None
    """Only those that may use this nodepool: `cluster/nodepool`, or the nodepool's id alone."""

    def tests(self) -> Iterator[Matches]:
        yield from super().tests()
        if self.cluster is not None:
            yield _uses(lambda pool: {pool["compute_cluster"]["id"]}, self.cluster)
        if self.nodepool is not None:
            yield _uses(lambda pool: {pool["id"], f"{pool['compute_cluster']['id']}/{pool['id']}"}, self.nodepool)


class NodeQuery(ListQuery):
    filters: ClassVar[Getters] = {"cluster": field("spec.cluster"), "status": field("status.status")}
    sorts: ClassVar[Getters] = {
        **ListQuery.sorts,
        "name": field("spec.name"),
        "status": field("status.status"),
    }
    searched = (field("id"), field("spec.name"))

    cluster: Name | None = None
    """Only those of this cluster."""
    nodepool: Name | None = None
    """Only those of this nodepool: `cluster/nodepool`, or the nodepool's id alone."""
    status: NodeStatus | None = None

    def tests(self) -> Iterator[Matches]:
        yield from super().tests()
        if self.nodepool is not None:
            cluster, _, pool = self.nodepool.rpartition("/")
            yield lambda each: each["spec"]["nodepool"] == pool and cluster in ("", each["spec"]["cluster"])


class PlacementQuery(ListQuery):
    filters: ClassVar[Getters] = {"deployment": field("spec.deployment_id")}

    deployment: Name | None = None
    """Only those of this deployment."""
    node: Name | None = None
    """Only those on the node with this id or name."""

    def tests(self) -> Iterator[Matches]:
        yield from super().tests()
        if self.node is not None:
            yield lambda each: self.node in (each["spec"]["node_id"], each["status"]["node_name"])


class ReplicaQuery(ListQuery):
    filters: ClassVar[Getters] = {"deployment": field("deployment_id"), "status": field("status")}
    sorts: ClassVar[Getters] = {
        "id": field("id"),
        "deployment": field("deployment_id"),
        "since": field("since"),
    }
    searched = (field("id"), field("deployment_id"), field("node_name"))

    sort: str = "deployment"
    """A field; `-` before it turns the order round."""
    deployment: Name | None = None
    """Only those of this deployment."""
    node: Name | None = None
    """Only those on the node with this id or name."""
    status: ReplicaStatus | None = None

    def tests(self) -> Iterator[Matches]:
        yield from super().tests()
        if self.node is not None:
            yield lambda each: self.node in (each["node_id"], each["node_name"])


class JoinTokenQuery(ListQuery):
    filters: ClassVar[Getters] = {"nodepool": field("spec.nodepool")}
    sorts: ClassVar[Getters] = {**ListQuery.sorts, "expires_at": field("spec.expires_at")}

    nodepool: Name | None = None
    """`cluster/nodepool`."""


class UserQuery(ListQuery):
    searched = (field("id"), field("spec.name"), field("spec.email"))


class ServiceAccountQuery(ListQuery):
    pass


class TeamQuery(ListQuery):
    member: Name | None = None
    """Only those of this user."""

    def tests(self) -> Iterator[Matches]:
        yield from super().tests()
        if self.member is not None:
            yield lambda each: self.member in each["spec"]["members"]


class RoleBindingQuery(ListQuery):
    filters: ClassVar[Getters] = {
        "subject": field("spec.subject"),
        "role": field("spec.role"),
        "scope": field("spec.scope"),
    }

    subject: Name | None = None
    """`user/ID`, `team/ID` or `service_account/ID`."""
    role: Role | None = None
    scope: Name | None = None


class AccessTokenQuery(ListQuery):
    filters: ClassVar[Getters] = {"owner": field("spec.owner")}
    sorts: ClassVar[Getters] = {
        **ListQuery.sorts,
        "name": field("spec.name"),
        "expires_at": field("spec.expires_at"),
        "last_used_at": field("status.last_used_at"),
    }
    searched = (field("id"), field("spec.name"), field("spec.owner"))

    owner: Name | None = None
    """`user/ID` or `service_account/ID`."""


def _uses(names: Any, wanted: str) -> Matches:
    return lambda each: any(wanted in names(pool) for pool in each["spec"]["nodepools"])


def _has_accelerator(wanted: str) -> Matches:
    def matches(each: Mapping[str, Any]) -> bool:
        names = [name.casefold() for name in each["spec"]["compute_info"]["accelerator_type"]]
        return any(wanted in name or fnmatchcase(name, wanted) for name in names)

    return matches
