"""When many nodes vanish at once, the control plane suspects itself: nobody is given up until that is settled.

What counts is who vanished of those that were there: more than half of all nodes, and of more than half of the clusters
more than half. So a single site that goes dark is replaced by the others, and a control plane whose own network broke
replaces nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Terms:
    """`least` nodes are many. `hold` and `grace` are seconds."""

    least: int = 3
    # Released when no more than this share of the nodes is missing.
    released_at: float = 0.25
    # Released all the same when the missing have not become more for this long and others are heard: then it is true.
    hold: float = 300.0
    # After a release, who is still missing gets this much longer.
    grace: float = 30.0


@dataclass(frozen=True, slots=True)
class Tally:
    """Of one cluster: nodes that were there lately, and how many of them have vanished."""

    nodes: int
    vanished: int

    @property
    def is_dark(self) -> bool:
        return 2 * self.vanished > self.nodes


@dataclass(frozen=True, slots=True)
class Brake:
    """`engaged_at` is None while nodes may be given up, which they may be from `loses_from` on. `overruled`: a person
    has released it, so it stays so until no more than a few are missing."""

    engaged_at: float | None = None
    vanished: int = 0
    nodes: int = 0
    grew_at: float = 0.0
    loses_from: float = 0.0
    overruled: bool = False

    def allows_loss(self, now: float) -> bool:
        return self.engaged_at is None and now >= self.loses_from


def overrule(before: Brake, now: float) -> Brake:
    """Released by a person, who knows that the nodes are gone."""
    return Brake(loses_from=now, overruled=True) if before.engaged_at is not None else before


def decide(before: Brake, clusters: Iterable[Tally], now: float, terms: Terms) -> Brake:
    tallies = [tally for tally in clusters if tally.nodes]
    nodes, vanished = sum(tally.nodes for tally in tallies), sum(tally.vanished for tally in tallies)
    few = vanished <= terms.released_at * nodes
    if before.overruled and not few:
        return before
    if before.engaged_at is None:
        dark = sum(tally.is_dark for tally in tallies)
        if vanished >= terms.least and 2 * vanished > nodes and 2 * dark > len(tallies):
            return Brake(now, vanished, nodes, grew_at=now)
        return replace(before, overruled=False)
    if few:
        return Brake(loses_from=now + terms.grace)
    grew_at = now if vanished > before.vanished else before.grew_at
    if vanished < nodes and now - grew_at >= terms.hold:
        return Brake(loses_from=now)
    return replace(before, vanished=vanished, nodes=nodes, grew_at=grew_at)
