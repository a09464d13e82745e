"""Which node takes a request: the shortest prefix of ranks that covers the load (design.md §2)."""

from collections.abc import Collection, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar


class Presence(Protocol):
    """One node as a gateway knows it for one deployment."""

    @property
    def node_id(self) -> str: ...

    @property
    def rank(self) -> int: ...

    @property
    def min_replicas(self) -> int: ...

    @property
    def max_replicas(self) -> int: ...

    @property
    def ready_replicas(self) -> int: ...

    @property
    def capacity(self) -> int:
        """Requests that its ready replicas take at once."""

    @property
    def in_flight(self) -> int:
        """Requests that are there now, waiting ones included, whoever sent them."""


P = TypeVar("P", bound=Presence)


class Choice(NamedTuple, Generic[P]):
    node: P
    # The request may have to wait there for a replica: that agent scales up.
    hold: bool


def in_order(presences: Sequence[P]) -> list[P]:
    """As pick_node wants them: by rank, then by id so that all gateways agree."""
    return sorted(presences, key=lambda p: (p.rank, p.node_id))


def pick_node(ordered: Sequence[P], exclude: Collection[str] = ()) -> Choice[P] | None:
    """The node for one more request; None when no node is left that may run anything.

    The prefix are the first ranks whose ready capacity covers all that is in flight and one more; nodes that must run
    replicas anyway (min > 0) always belong, leaving them idle would waste them. Inside it the least loaded node wins
    (in-flight over capacity), ties go to the lower rank. With nothing free there, the request waits at the lowest
    rank that may still grow; with nothing to grow, where the line is shortest.
    """
    wanted = 1
    for presence in ordered:
        wanted += presence.in_flight
    covered = 0
    free: P | None = None
    growing: P | None = None
    least = 1.0
    reached = -1
    for presence in ordered:
        if presence.max_replicas <= 0 or presence.node_id in exclude:
            continue
        if covered < wanted:
            reached = presence.rank
        if presence.rank <= reached or presence.min_replicas > 0:
            capacity = presence.capacity
            covered += capacity
            if capacity:
                use = presence.in_flight / capacity
                if use < least:
                    free, least = presence, use
        if growing is None and presence.ready_replicas < presence.max_replicas:
            growing = presence
    if free is not None:
        return Choice(free, hold=False)
    if growing is not None:
        return Choice(growing, hold=True)
    able = [p for p in ordered if p.max_replicas > 0 and p.node_id not in exclude]
    if not able:
        return None
    return Choice(min(able, key=lambda p: (p.in_flight / max(p.capacity, 1), p.rank, p.node_id)), hold=True)
