"""Which failures are kept. Pure.

The first failure of a replica often tells the cause, the later ones only its consequences; so it stays beside the
newest ones. Nothing stays for ever.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from agent.replica_logs.failure import Failure

_NEWEST_OF_EACH = 3
_AFTER_ITS_END_SECONDS = 24 * 3600.0
_MOST_FILES = 500
_MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    failure: Failure
    size: int


def superfluous(kept: Iterable[Kept], alive: frozenset[str], now: float) -> list[Failure]:
    """`alive` are the replicas that are still here, running or not; `now` is unix seconds."""
    by_replica: dict[str, list[Kept]] = defaultdict(list)
    for each in kept:
        by_replica[each.failure.replica_id].append(each)
    dropped: list[Failure] = []
    left: list[Kept] = []
    for replica_id, failures in by_replica.items():
        failures.sort(key=lambda each: each.failure.number)
        pinned = [failures[0], *failures[1:][-_NEWEST_OF_EACH:]]
        over = replica_id not in alive and now - failures[-1].failure.at > _AFTER_ITS_END_SECONDS
        left += [] if over else pinned
        dropped += [each.failure for each in failures if over or each not in pinned]
    left.sort(key=lambda each: each.failure.at)
    size = sum(each.size for each in left)
    while left and (len(left) > _MOST_FILES or size > _MOST_BYTES):
        oldest = left.pop(0)
        size -= oldest.size
        dropped.append(oldest.failure)
    return dropped
