"""What agents report of replicas, by whose they are."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from homeport.core.status import ReplicaReport


class ReportedReplicas:
    """By track: most deployments have one, of their own id."""

    def __init__(self) -> None:
        # Of each track, by node; and the tracks of each node.
        self._of: defaultdict[str, dict[str, list[ReplicaReport]]] = defaultdict(dict)
        self._on: dict[str, set[str]] = {}

    def put(self, node_id: str, reports: Iterable[ReplicaReport]) -> None:
        """All that there are on the node now."""
        by_track: defaultdict[str, list[ReplicaReport]] = defaultdict(list)
        for report in reports:
            by_track[report.track or report.deployment_id].append(report)
        for track in self._on.pop(node_id, set()) - by_track.keys():
            del self._of[track][node_id]
            if not self._of[track]:
                del self._of[track]
        for track, own in by_track.items():
            self._of[track][node_id] = own
        if by_track:
            self._on[node_id] = set(by_track)

    def of(self, track: str) -> Sequence[tuple[str, ReplicaReport]]:
        """(node id, report)."""
        by_node = self._of.get(track)
        return [(node_id, each) for node_id, reports in by_node.items() for each in reports] if by_node else ()
