"""What a silent node means to one deployment, and who stays when it comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from homeport.core.status import NodeStatus


class Reconcile(StrEnum):
    """Of a node that came back and those that took over from it."""

    KEEP_ORIGINAL = "keep_original"
    KEEP_REPLACEMENT = "keep_replacement"
    LONGEST_RUNNING = "longest_running"
    BEST_SCORE = "best_score"


@dataclass(frozen=True, slots=True)
class AbsenceTerms:
    """A deployment's own terms. `lost_after` is seconds of silence."""

    lost_after: float = 60.0
    replace: bool = True
    reconcile: Reconcile = Reconcile.KEEP_ORIGINAL

    def awaited(self) -> "AbsenceTerms":
        """While somebody waits for what ran nowhere when it was heard of last: patience would only spare a second copy
        of something that is not there."""
        return replace(self, lost_after=0.0)


def status_to(terms: AbsenceTerms, status: NodeStatus, silent_seconds: float, may_lose: bool) -> NodeStatus:
    """How a node that holds the deployment stands to it, of how it stands in general.

    Nobody is lost to it before it is disconnected: from then on it counts for the brake. Without `may_lose`, which is
    the brake, only those are lost that were before.
    """
    may_be = status is NodeStatus.LOST or (status is NodeStatus.DISCONNECTED and may_lose)
    if terms.replace and may_be and silent_seconds > terms.lost_after:
        return NodeStatus.LOST
    return NodeStatus.DISCONNECTED if status is NodeStatus.LOST else status


def original_stays(terms: AbsenceTerms, since: Mapping[str, float], original: str) -> bool:
    """Whether the node that came back keeps its place before those that took over.

    `since`: of each node with a ready replica, when its oldest became ready, unix seconds.
    """
    if terms.reconcile is Reconcile.LONGEST_RUNNING:
        return original in since and since[original] <= min(since.values())
    return terms.reconcile is Reconcile.KEEP_ORIGINAL
