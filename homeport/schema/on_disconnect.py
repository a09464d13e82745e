from typing import Literal

from homeport.core.node_lifecycle.absence import AbsenceTerms, Reconcile
from homeport.schema.base import ApiModel, live


class OnDisconnect(ApiModel):
    """What happens to replicas on a node that nobody can reach."""

    lost_after_seconds: float = live(default=60.0, ge=5, le=604_800)
    """Of silence; then the node counts as lost to this deployment, but not before it is disconnected (15 s)."""
    replace: bool = live(default=True)
    """Whether others take over what a lost node ran. `false`: its budget stays with it for as long as it is away."""
    stop_after_seconds: float | None = live(default=None, ge=5, le=604_800)
    """The node itself stops them after that much silence, and starts them again when it hears of the control plane.
    Null = never: they go on serving."""
    reconcile: Literal["keep_original", "keep_replacement", "longest_running", "best_score"] = live(
        default="keep_original"
    )
    """Who stays when the node comes back: it, those that took over, whoever has been ready for longer, or wherever the
    scheduler would put it now. The others go once those are ready. With `keep_replacement` and `longest_running`
    nothing returns to a better nodepool by itself."""

    def terms(self) -> AbsenceTerms:
        return AbsenceTerms(self.lost_after_seconds, self.replace, Reconcile(self.reconcile))
