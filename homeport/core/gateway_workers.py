"""Which gateway worker is started or sent away next, so that others serve meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_WORKERS = 64


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """`fits`: it is of the release that is wanted. `serving`: it takes clients in. Those that leave are not listed."""

    id: str
    fits: bool
    serving: bool


@dataclass(frozen=True, slots=True)
class StartOne:
    pass


@dataclass(frozen=True, slots=True)
class Retire:
    """No client any more; it ends when the last of those that it has is gone."""

    id: str


def next_step(workers: Sequence[WorkerFacts], wanted: int) -> StartOne | Retire | None:
    """None = nothing to do, or something to wait for. `wanted` is at least 1.

    All are started at once where none serves; else one after the other, and one leaves only once another has come, so
    that at most one more than `wanted` runs, and never fewer serve than did before or are wanted.
    """
    starting = [worker for worker in workers if not worker.serving]
    serving = [worker for worker in workers if worker.serving]
    useless = [worker for worker in starting if not worker.fits]
    if useless:
        return Retire(useless[0].id)
    if len(serving) > wanted:
        return Retire(max(serving, key=lambda worker: (not worker.fits, _number(worker.id), worker.id)).id)
    if len(starting) + len(serving) > wanted and starting and all(worker.fits for worker in serving):
        return Retire(starting[-1].id)
    fitting = sum(worker.fits for worker in workers)
    if fitting < wanted and (not starting or not serving):
        return StartOne()
    return None


def free_id(prefix: str, taken: Sequence[str]) -> str:
    number = 0
    while f"{prefix}-{number}" in taken:
        number += 1
    return f"{prefix}-{number}"


def _number(worker_id: str) -> int:
    tail = worker_id.rpartition("-")[2]
    return int(tail) if tail.isdecimal() else 0
