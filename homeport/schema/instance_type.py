import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from homeport.schema.base import ApiModel, immutable, live
from homeport.schema.cluster import CloudProvider
from homeport.schema.compute import ComputeInfo
from homeport.schema.numbered import Numbered

_CAPACITY_TYPES = {1: "ON_DEMAND_TYPE", 2: "SPOT_TYPE"}
CapacityType = Annotated[Literal["ON_DEMAND_TYPE", "SPOT_TYPE"], Numbered(_CAPACITY_TYPES)]
_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_RULE = "1 to 100 characters: letters, digits, '.', '-' and '_', beginning with a letter or digit"


def _check_id(text: str) -> str:
    if not re.fullmatch(_PATTERN[1:-1], text):
        raise ValueError(f"must be {_RULE}")
    return text


InstanceTypeId = Annotated[
    str, AfterValidator(_check_id), Field(json_schema_extra={"pattern": _PATTERN, "maxLength": 100})
]


class InstanceTypeSpec(ApiModel):
    """A named shape of a machine. One of your own takes precedence over one of the catalogue with the same id."""

    id: InstanceTypeId = immutable(reason="nodepools name the instance type by its id")
    description: str = live(default="", max_length=1000)
    compute_info: ComputeInfo = live(default_factory=ComputeInfo)
    """What a machine has, not what is left for replicas."""
    price_per_hour: float | None = live(default=None, ge=0, le=100_000)
    """US dollars; null = unknown."""
    cloud_provider: CloudProvider | None = live(default=None)
    region: str = live(default="", max_length=100)
    architecture: Literal["", "amd64", "arm64"] = live(default="")
    allowed_capacity_types: list[CapacityType] = live(default_factory=list, max_length=10)
