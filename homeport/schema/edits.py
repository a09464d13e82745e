"""What the verbs that change an object take."""

from typing import Any

from pydantic import Field, model_validator

from homeport.schema.base import ApiModel
from homeport.schema.traffic_split import TrafficSplit


class PatchRequest(ApiModel):
    """`spec` is a merge patch (RFC 7396): what is named is replaced, null sets a field back to its default."""

    spec: dict[str, Any]
    generation: int | None = Field(default=None, ge=0)
    """The one that was read. May be left out only with `force=true`."""


class ScaleRequest(ApiModel):
    """A fixed count, new bounds for the autoscaler, or `auto`: the autoscaler decides again, in the bounds that there
    are."""

    replicas: int | None = Field(default=None, ge=0, le=10_000)
    auto: bool = False
    min_replicas: int | None = Field(default=None, ge=0, le=10_000)
    max_replicas: int | None = Field(default=None, ge=0, le=10_000)

    @model_validator(mode="after")
    def _says_one_thing(self) -> "ScaleRequest":
        bounds = self.min_replicas is not None or self.max_replicas is not None
        if (self.replicas is not None) + bounds + self.auto != 1:
            raise ValueError("give `replicas`, or `min_replicas` and `max_replicas`, or `auto`")
        return self


class SplitRequest(ApiModel):
    """All shares (none = all requests go to the newest revision), or one revision's."""

    traffic_split: TrafficSplit | None = None
    revision: int | None = Field(default=None, ge=1)
    percent: int | None = Field(default=None, ge=0, le=100)
    dry_run: bool = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> "SplitRequest":
        one = self.revision is not None and self.percent is not None
        either = self.revision is not None or self.percent is not None
        if one != either or one == (self.traffic_split is not None):
            raise ValueError("give `traffic_split`, or `revision` and `percent`")
        return self


class RevisionRequest(ApiModel):
    revision: int | None = Field(default=None, ge=1)
    dry_run: bool = False


class LockRequest(ApiModel):
    reason: str = Field("", max_length=200)
    """Shown to whoever looks at the node."""
    stop_models: bool = False
    """Whether what runs on the node stops, too; it runs on otherwise."""


class CordonRequest(ApiModel):
    reason: str = Field("", max_length=200)
    """Shown to whoever looks at the node."""


class DrainRequest(ApiModel):
    reason: str = Field("", max_length=200)
    """Shown to whoever looks at the node."""
    deadline_seconds: float = Field(600.0, ge=0, le=604_800)
    """After this an alarm says what is left; with `force` that goes, too."""
    force: bool = False
    """At the deadline replicas are let go although nobody has taken over."""


class ClearGpuRequest(ApiModel):
    gpu: str = Field(min_length=1, max_length=100)
    """Its UUID."""


class EmptyRequest(ApiModel):
    """Of verbs that need no more than their object."""
