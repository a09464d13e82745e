"""Shares of a deployment's requests, by revision."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class Share:
    """`percent` 0: it runs, and is reached by name only."""

    revision: int
    percent: int


class Weighted(Protocol):
    @property
    def percent(self) -> int: ...


W = TypeVar("W", bound=Weighted)


def pick_share(shares: Sequence[W], draw: float) -> W | None:
    """`draw` is of [0, 1). What the percents lack of 100 is made up by all of them; None where all are 0."""
    left = draw * sum(share.percent for share in shares)
    last = None
    for share in shares:
        if share.percent:
            last = share
            left -= share.percent
            if left < 0:
                break
    return last


def with_share(shares: Sequence[Share], revision: int, percent: int) -> tuple[Share, ...] | None:
    """The others divide the rest as they had it among them; the largest takes what does not divide. None where there
    is a rest and nobody else."""
    others = [share for share in shares if share.revision != revision and share.percent]
    rest, total = 100 - percent, sum(share.percent for share in others)
    if rest and not others:
        return None
    given = [Share(share.revision, rest * share.percent // total) for share in others]
    if given:
        largest = max(range(len(given)), key=lambda index: given[index].percent)
        left = rest - sum(share.percent for share in given)
        given[largest] = Share(given[largest].revision, given[largest].percent + left)
    return (*given, Share(revision, percent))


def percent_of(shares: Iterable[Share], revision: int) -> int:
    return next((share.percent for share in shares if share.revision == revision), 0)
