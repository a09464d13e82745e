"""A step of the shift of a deployment's traffic: which tracks there are to be, and how requests are divided now."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from controlplane.fleet.tracks import shares_now, wanted_shares
from controlplane.store.store import Record
from homeport.core.rollout.shift import Bounds, Running, Shift, Track, shift

# Of a track, by revision: its replicas.
Look = Callable[[str, int], Running]


def next_step(deployment: Record, placements: Sequence[Record], bounds: Bounds, look: Look) -> Record:
    """The deployment with its tracks as they are to be now. `placements` are those of all of them."""
    found = _shift(deployment, placements, bounds, look)
    before = deployment.status.get("tracks", {})
    first = {"placement": deployment.status["placement"]} if "placement" in deployment.status else {}
    status = {key: value for key, value in deployment.status.items() if key not in ("tracks", "traffic_split")}
    if not deployment.spec.get("traffic_split") and list(found.tracks) == [deployment.id] and len(before) <= 1:
        return replace(deployment, status=status)
    status["tracks"] = {
        id: {
            **(before.get(id) or (first if id == deployment.id and not before else {})),
            "revision": track.revision,
            "min": track.bounds.min_replicas,
            "max": track.bounds.max_replicas,
            "waits_for": track.waits_for,
        }
        for id, track in found.tracks.items()
    }
    status["traffic_split"] = [{"revision": share.revision, "percent": share.percent} for share in found.traffic]
    return replace(deployment, status=status)


def _shift(deployment: Record, placements: Sequence[Record], bounds: Bounds, look: Look) -> Shift:
    wanted, now = wanted_shares(deployment), shares_now(deployment, placements)
    tracks = deployment.status.get("tracks")
    if tracks is not None and len(tracks) == 1 and not deployment.spec.get("traffic_split"):
        # As where there never were two: it moves to the newest revision in its place.
        return Shift({id: Track(wanted[0].revision, bounds) for id in tracks}, wanted)
    of = {id: own["revision"] for id, own in tracks.items()} if tracks else {deployment.id: now[0].revision}
    return shift(deployment.id, wanted, now, {id: look(id, revision) for id, revision in of.items()}, bounds)
