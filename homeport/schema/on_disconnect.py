from typing import Literal

from homeport.schema.base import ApiModel, live


class OnDisconnect(ApiModel):
    """What happens to replicas on a node that nobody can reach."""

    lost_after_seconds: float = live(default=60.0, ge=5, le=604_800, recorded=True)
    """Of silence; then the node counts as lost to this deployment."""
    replace: bool = live(default=True, recorded=True)
    """Whether lost replicas are started elsewhere."""
    stop_after_seconds: float | None = live(default=None, ge=5, le=604_800, recorded=True)
    """The node itself stops them after that much silence. Null = never: they go on serving."""
    reconcile: Literal["keep_original", "keep_replacement", "longest_running", "best_score"] = live(
        default="keep_original", recorded=True
    )
    """Which of the two stays when the node comes back."""
