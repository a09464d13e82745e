"""From one division of the requests to another: what takes over is ready before requests go there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from homeport.core.rollout.share import Share, percent_of
from homeport.core.rollout.track import free_track


@dataclass(frozen=True, slots=True)
class Bounds:
    min_replicas: int
    max_replicas: int


@dataclass(frozen=True, slots=True)
class Running:
    """What there is of a track now: `ready` take requests, `serving` may be more where nobody can tell."""

    revision: int
    ready: int = 0
    serving: int = 0


@dataclass(frozen=True, slots=True)
class Track:
    """What is to run of it. `waits_for`: it is to have more requests as soon as so many replicas are ready; 0 = it has
    what it is to have."""

    revision: int
    bounds: Bounds
    waits_for: int = 0


@dataclass(frozen=True, slots=True)
class Shift:
    """`tracks` by id: those that are not in it end. `traffic` is what gateways do now."""

    tracks: dict[str, Track]
    traffic: tuple[Share, ...]


def shift(
    deployment_id: str,
    wanted: Sequence[Share],
    now: Sequence[Share],
    running: Mapping[str, Running],
    bounds: Bounds,
) -> Shift:
    """One step towards `wanted`; `now` is how requests are divided yet.

    Requests go over all at once, when each revision that gets more of them has ready what those have that get fewer, up
    to its own maximum. Until then both run. Where those that get fewer have nothing that serves there is nothing to
    wait for: requests wait where the new ones start. A revision that gets none any more ends one step later:
    gateways know it then.
    """
    missing = _missing(wanted, now, running, bounds)
    traffic = tuple(now if any(missing.values()) else wanted)
    by_revision = {track.revision: id for id, track in running.items()}
    tracks: dict[str, Track] = {}
    for revision in dict.fromkeys(share.revision for share in (*wanted, *now)):
        id = by_revision.get(revision) or free_track(deployment_id, {*running, *tracks})
        least = missing.get(revision, 0)
        tracks[id] = Track(revision, _bounds(revision, (wanted, now), bounds, least), least)
    return Shift(tracks, traffic)


def share_of(bounds: Bounds, percent: int) -> Bounds:
    """Of both bounds, rounded up: so all together may have one more per revision than the deployment has alone. Each
    runs something where the deployment does."""
    return Bounds(
        max(_up(bounds.min_replicas, percent), min(1, bounds.min_replicas)),
        max(_up(bounds.max_replicas, percent), min(1, bounds.max_replicas)),
    )


def _missing(
    wanted: Sequence[Share], now: Sequence[Share], running: Mapping[str, Running], bounds: Bounds
) -> dict[int, int]:
    """By revision that is to get more requests: how many replicas of it must be ready first. Empty once all are."""
    of = {track.revision: track for track in running.values()}
    more = {s.revision: s.percent - percent_of(now, s.revision) for s in wanted}
    more = {revision: percent for revision, percent in more.items() if percent > 0}
    released = sum(
        of[s.revision].serving * (s.percent - percent_of(wanted, s.revision)) / s.percent
        for s in now
        if s.revision in of and s.percent > percent_of(wanted, s.revision)
    )
    if not released:
        return {}
    total = sum(more.values())
    needed = {}
    for revision, percent in more.items():
        share = share_of(bounds, percent_of(wanted, revision))
        takes_over = -int(-(released * percent) // total)
        needed[revision] = min(share.max_replicas, max(share.min_replicas, takes_over))
    ready = {revision: of[revision].ready if revision in of else 0 for revision in needed}
    return needed if any(ready[revision] < least for revision, least in needed.items()) else {}


def _bounds(revision: int, divisions: Sequence[Sequence[Share]], bounds: Bounds, least: int) -> Bounds:
    """Enough for each of the divisions in which it is."""
    shares = [share_of(bounds, s.percent) for division in divisions for s in division if s.revision == revision]
    return Bounds(
        max(least, *(share.min_replicas for share in shares)), max(least, *(share.max_replicas for share in shares))
    )


def _up(count: int, percent: int) -> int:
    return -(-count * percent // 100)
