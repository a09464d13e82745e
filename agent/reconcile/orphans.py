"""What a runtime holds in this agent's name and the agent knows nothing of. Pure.

One listing may be older than what the agent has done meanwhile, so nothing is believed before a second one says it too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.drivers.driver import Found, RunState

_LISTINGS = 2
_REAP_AFTER_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """Of one that is not known, unchanged in so many listings in a row, since then; monotonic seconds."""

    found: Found
    since: float
    listings: int


def sightings(
    found: Iterable[Found], known: frozenset[str], before: Mapping[str, Sighting], now: float
) -> dict[str, Sighting]:
    """By replica id, after one more listing. What is known, missing or has changed its state begins anew."""
    seen: dict[str, Sighting] = {}
    for each in found:
        replica_id = each.labels.replica_id
        if replica_id in known or each.state is RunState.UNKNOWN:
            continue
        earlier = before.get(replica_id)
        if earlier is not None and earlier.found.state is each.state:
            seen[replica_id] = Sighting(each, earlier.since, earlier.listings + 1)
        else:
            seen[replica_id] = Sighting(each, now, 1)
    return seen


def orphans(seen: Mapping[str, Sighting], now: float) -> list[Found]:
    """What has ended and may be removed."""
    return [
        sighting.found
        for sighting in _confirmed(seen)
        if sighting.found.state is RunState.EXITED and now - sighting.since >= _REAP_AFTER_SECONDS
    ]


def strays(seen: Mapping[str, Sighting]) -> list[Found]:
    """What runs, and has to be taken in: nothing that runs is ended because nobody remembers it."""
    return [sighting.found for sighting in _confirmed(seen) if sighting.found.state is RunState.RUNNING]


def _confirmed(seen: Mapping[str, Sighting]) -> list[Sighting]:
    return [sighting for sighting in seen.values() if sighting.listings >= _LISTINGS]
