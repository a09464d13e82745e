"""Which node takes a request: the shortest prefix of ranks that covers the load (design.md §2)."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Presence:
    """What one node has said of one deployment, plus what this gateway has in flight there."""

    node_id: str
    rank: int
    min_replicas: int
    max_replicas: int
    ready_replicas: int
    concurrency: int
    in_flight: int
    queued: int

    @property
    def capacity(self) -> int:
        return self.ready_replicas * self.concurrency


@dataclass(frozen=True, slots=True)
class Choice:
    node_id: str
    # The request may have to wait there for a replica: that agent scales up.
    hold: bool


def pick_node(presences: Iterable[Presence], exclude: frozenset[str] = frozenset()) -> Choice | None:
    """The node for one more request; None when no connected node holds a placement that may run anything.

    Inside the prefix the least loaded node (in-flight over capacity) wins; ties go to the lower rank.
    """
    ordered = sorted(
        (p for p in presences if p.node_id not in exclude and p.max_replicas > 0),
        key=lambda p: (p.rank, p.node_id),
    )
    prefix = _covering_prefix(ordered)
    free = [p for p in prefix if p.in_flight < p.capacity]
    if free:
        best = min(free, key=lambda p: (p.in_flight / p.capacity, p.rank, p.node_id))
        return Choice(best.node_id, hold=False)
    growing = [p for p in ordered if p.ready_replicas < p.max_replicas]
    if growing:
        return Choice(growing[0].node_id, hold=True)
    if not ordered:
        return None
    # All are full: wait where the line is shortest.
    best = min(ordered, key=lambda p: ((p.in_flight + p.queued) / max(p.capacity, 1), p.rank, p.node_id))
    return Choice(best.node_id, hold=True)


def _covering_prefix(ordered: list[Presence]) -> list[Presence]:
    """Nodes by rank until their ready capacity covers all in-flight requests and one more.

    Nodes that must run replicas anyway (min > 0) always belong: leaving them idle would waste them.
    """
    wanted = sum(p.in_flight + p.queued for p in ordered) + 1
    prefix: list[Presence] = []
    covered = 0
    for presence in ordered:
        if covered < wanted or presence.min_replicas > 0:
            prefix.append(presence)
            covered += presence.capacity
    return prefix
