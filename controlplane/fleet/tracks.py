"""The tracks of a deployment, as its status has them.

`status.tracks`, of one that has had revisions side by side: by track {revision, min, max, waits_for, placement};
`status.traffic_split`: how gateways divide the requests now, [{revision, percent}]. Without them there is one track,
which is the deployment itself, and moves from revision to revision.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from controlplane.store.store import Record
from homeport.core.policy import Scaling
from homeport.core.rollout.share import Share, percent_of
from homeport.core.rollout.track import deployment_of
from homeport.core.status import ReplicaReport, ReplicaStatus

# In a track's record, as in its deployment's: {min, max}.
_BOUNDS = "bounds"
_OF_ALL = ("tracks", "traffic_split", "placement")


def is_divided(deployment: Record) -> bool:
    """Whether it has, is to have, or is just leaving, revisions side by side."""
    return bool(deployment.spec.get("traffic_split")) or "tracks" in deployment.status


def track_of(placement: Record) -> str:
    track: str = placement.spec.get("track") or placement.spec["deployment_id"]
    return track


def whose(track_id: str) -> dict[str, str]:
    """As a placement's spec says it."""
    deployment_id = deployment_of(track_id)
    return {"deployment_id": deployment_id} | ({"track": track_id} if track_id != deployment_id else {})


def tracks_in(deployment: Record) -> list[str]:
    return list(deployment.status.get("tracks", (deployment.id,)))


def as_track(deployment: Record, track_id: str) -> Record:
    """A record as that of a deployment of its own, with what is the track's alone."""
    own = deployment.status.get("tracks", {}).get(track_id)
    if own is None:
        return deployment
    shared = {
        key: value for key, value in deployment.status.items() if key not in ("tracks", "traffic_split", "placement")
    }
    placed = {"placement": own["placement"]} if "placement" in own else {}
    status = {**shared, "revision": own["revision"], _BOUNDS: [own["min"], own["max"]], **placed}
    return replace(deployment, id=track_id, status=status)


def most_telling(deployment: Record) -> Record:
    """Of its tracks the one that somebody waits for, or that lacks room; else the newest."""
    tracks = deployment.status.get("tracks", {})

    def urgency(id: str) -> tuple[bool, bool, int]:
        own = tracks[id]
        return own["waits_for"] > 0, own.get("placement", {}).get("missing_max", 0) > 0, own["revision"]

    return as_track(deployment, max(tracks, key=urgency)) if tracks else deployment


def bounded(scaling: Scaling, track: Record) -> Scaling:
    """What of the deployment's scaling is the track's."""
    bounds = track.status.get(_BOUNDS)
    return replace(scaling, min_replicas=bounds[0], max_replicas=bounds[1]) if bounds else scaling


def shares_of(plain: Iterable[Mapping[str, Any]]) -> tuple[Share, ...]:
    return tuple(Share(each["revision"], each["percent"]) for each in plain)


def wanted_shares(deployment: Record) -> tuple[Share, ...]:
    given = shares_of(deployment.spec.get("traffic_split") or ())
    return given or (Share(int(deployment.status["revision"]), 100),)


def shares_now(deployment: Record, placements: Sequence[Record] = ()) -> tuple[Share, ...]:
    """Before the first division all goes to the revision that is placed, which need not be the newest any more."""
    known = shares_of(deployment.status.get("traffic_split", ()))
    return known or (Share(_placed_revision(deployment, placements), 100),)


def split_state(deployment: Record, replicas: Sequence[tuple[str, ReplicaReport]]) -> list[dict[str, Any]]:
    """The form is homeport.schema.traffic_split.RevisionState. `replicas` are (node id, report), the deployment's."""
    wanted, now = wanted_shares(deployment), shares_now(deployment)
    waiting = {own["revision"]: own["waits_for"] for own in deployment.status.get("tracks", {}).values()}
    ready = Counter(report.revision for _, report in replicas if report.status is ReplicaStatus.READY)
    return [
        {
            "revision": revision,
            "percent": percent_of(now, revision),
            "wanted": percent_of(wanted, revision),
            "ready": ready[revision],
            "waits_for": waiting.get(revision, 0),
        }
        for revision in sorted({share.revision for share in (*wanted, *now)})
    ]


def _placed_revision(deployment: Record, placements: Sequence[Record]) -> int:
    return max((int(each.spec["revision"]) for each in placements), default=int(deployment.status["revision"]))
