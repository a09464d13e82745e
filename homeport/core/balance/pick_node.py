"""Which node takes a request: the shortest prefix of ranks that covers the load (design.md §2)."""

from collections.abc import Callable, Collection, Sequence
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


# Ranks of a deployment lie closer together.
_DISTANCE = 1_000_000


def seen_from(distance: int, rank: int, min_replicas: int, max_replicas: int) -> tuple[int, int, int]:
    """(rank, min, max) of a node for a gateway that stands so many steps away: whatever is nearer goes before, by rank;
    that one further away must run replicas is no reason to send it any, for it has gateways of its own."""
    return distance * _DISTANCE + rank, 0 if distance else min_replicas, max_replicas


def pick_node(
    ordered: Sequence[P], exclude: Collection[str] = (), choose: Callable[[Sequence[P]], P | None] | None = None
) -> Choice[P] | None:
    """The node for one more request; None when no node is left that may run anything.

    The prefix are the first ranks whose ready capacity covers all that is in flight and one more; nodes that must run
    replicas anyway (min > 0) always belong, leaving them idle would waste them. Inside it the least loaded node wins
    (in-flight over capacity), ties go to the lower rank; or the one that `choose` says, which gets all that have ready
    replicas and gives None when they are full. With nothing free there, the request waits at the lowest rank that
    may still grow; with nothing to grow, where the line is shortest.
    """
    if len(ordered) == 1 and choose is None and not exclude:
        # Most deployments have one node, and it has room.
        only = ordered[0]
        if only.max_replicas > 0 and only.in_flight < only.capacity:
            return Choice(only, hold=False)
    wanted = 1
    for presence in ordered:
        wanted += presence.in_flight
    covered = 0
    free: P | None = None
    growing: P | None = None
    least = 1.0
    members: list[P] | None = [] if choose is not None else None
    reached = -1
    for presence in ordered:
        if presence.max_replicas <= 0 or presence.node_id in exclude:
            continue
        if covered < wanted:
            reached = presence.rank
        if presence.rank <= reached or presence.min_replicas > 0:
            capacity = presence.capacity
            covered += capacity
            if not capacity:
                pass
            elif members is not None:
                members.append(presence)
            else:
                use = presence.in_flight / capacity
                if use < least:
                    free, least = presence, use
        if growing is None and presence.ready_replicas < presence.max_replicas:
            growing = presence
    if choose is not None and members:
        free = choose(members)
    if free is not None:
        return Choice(free, hold=False)
    if growing is not None:
        return Choice(growing, hold=True)
    able = [p for p in ordered if p.max_replicas > 0 and p.node_id not in exclude]
    if not able:
        return None
    return Choice(min(able, key=lambda p: (p.in_flight / max(p.capacity, 1), p.rank, p.node_id)), hold=True)
