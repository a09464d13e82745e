from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator

from homeport.schema.base import ApiModel, Id, immutable, inherited, live
from homeport.schema.foreign import Visibility
from homeport.schema.labels import Labels

_ID_REASON = "nodes, nodepools and deployments name the cluster by its id"


class ClusterRef(ApiModel):
    id: Id = inherited()
    user_id: str = live(default="", max_length=200, recorded=True)


class CloudProvider(ApiModel):
    id: str = inherited(max_length=100)
    """Such as aws, gcp, azure; `local` = hosts of one's own."""


class ClusterSpec(ApiModel):
    """One site: hosts that share a place, a network and an owner."""

    id: Id = immutable(reason=_ID_REASON)
    description: str = live(default="", max_length=1000)
    kind: Literal["vpc", "on-prem", "edge", "air-gapped", "cloud"] = live(default="on-prem")
    """When left out: `on-prem` without a cloud provider or with `local`, else `vpc` if `managed_by` is `user`, else
    `cloud`."""
    cloud_provider: CloudProvider | None = live(default=None)
    region: str = live(default="", max_length=100)
    labels: Labels = live(default_factory=dict)
    """A deployment's `residency` asks for them."""
    credential: str = live(default="", max_length=100, recorded=True)
    """The id of the access token that owns the cluster."""
    managed_by: str = live(default="", max_length=100, recorded=True)
    cluster_type: str = live(default="", max_length=100, recorded=True)
    user_id: str = live(default="", max_length=200, recorded=True)
    visibility: Visibility | None = live(default=None, recorded=True)

    @model_validator(mode="before")
    @classmethod
    def _derive_kind(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or "kind" in given:
            return given
        provider = given.get("cloud_provider")
        name = provider.get("id") if isinstance(provider, Mapping) else None
        if name is None or name == "local":
            return given
        return {**given, "kind": "vpc" if given.get("managed_by") == "user" else "cloud"}
