from typing import Any

from pydantic import Field

from homeport.schema.base import ApiModel


class ApplyRequest(ApiModel):
    """Documents as in YAML files, each with one root key: accepted all together or not at all."""

    documents: list[dict[str, Any]] = Field(min_length=1, max_length=1000)
    dry_run: bool = Field(default=False)
    """Check everything, write nothing."""
    create_missing: bool = Field(default=False)
    """Make the clusters and nodepools that are named and do not exist."""
