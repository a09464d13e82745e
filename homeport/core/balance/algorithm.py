"""Which of several targets, nodes or the replicas of one, takes a request: one function for each algorithm.

All of them take targets that may be full, choose one with room, and give None when there is none.
"""

from collections.abc import Callable, Sequence
from math import ceil, gcd
from typing import Protocol, TypeVar

from homeport.core.balance.rendezvous import in_order_of, score

# Nobody gets more than this many times their fair share by hash.
BOUND = 1.25


class Target(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def capacity(self) -> int:
        """Requests that it takes at once."""

    @property
    def in_flight(self) -> int: ...

    @property
    def latency_seconds(self) -> float:
        """To the first byte of an answer; 0 = not known."""


T = TypeVar("T", bound=Target)


def least_connections(targets: Sequence[T]) -> T | None:
    """The lowest share of its capacity in use; of equals the first."""
    free = _with_room(targets)
    return min(free, key=lambda target: target.in_flight / target.capacity) if free else None


def round_robin(targets: Sequence[T], turn: int) -> T | None:
    """In turn, each as often as its capacity says and evenly between the others. `turn` counts requests."""
    free = _with_room(targets)
    if not free:
        return None
    unit = gcd(*(target.capacity for target in free))
    slots = [
        ((number + 0.5) * unit / target.capacity, index)
        for index, target in enumerate(free)
        for number in range(target.capacity // unit)
    ]
    return free[sorted(slots)[turn % len(slots)][1]]


def by_hash(targets: Sequence[T], key: bytes) -> T | None:
    """Consistent hashing with bounded loads: the key's own target, or the next one in its order where that has more
    than its share."""
    able = [target for target in targets if target.capacity > 0]
    in_flight = sum(target.in_flight for target in able) + 1
    capacity = sum(target.capacity for target in able)
    in_order = in_order_of(key, able, lambda target: target.name, lambda target: target.capacity)
    for target in in_order:
        share = ceil(BOUND * in_flight * target.capacity / capacity)
        if target.in_flight < min(share, target.capacity):
            return target
    return next((target for target in in_order if target.in_flight < target.capacity), None)


def power_of_two(targets: Sequence[T], random: Callable[[], float]) -> T | None:
    """Of two picked at random, the one that is likely to answer sooner. `random`: in [0, 1)."""
    free = _with_room(targets)
    if len(free) < 2:
        return free[0] if free else None
    first = int(random() * len(free))
    second = (first + 1 + int(random() * (len(free) - 1))) % len(free)
    known = [target.latency_seconds for target in free if target.latency_seconds]
    usual = sum(known) / len(known) if known else 1.0
    return min(free[first], free[second], key=lambda target: _likely_seconds(target, usual))


def preferred(targets: Sequence[T], key: bytes) -> T | None:
    """Of a session: its own target if that has room. None: another one has to do."""
    able = [target for target in targets if target.capacity > 0]
    if not able:
        return None
    own = max(able, key=lambda target: score(key, target.name, target.capacity))
    return own if own.in_flight < own.capacity else None


def _with_room(targets: Sequence[T]) -> list[T]:
    return [target for target in targets if target.in_flight < target.capacity]


def _likely_seconds(target: Target, usual: float) -> float:
    """One that nobody has heard of yet is taken for usual."""
    return (target.latency_seconds or usual) * (target.in_flight + 1) / target.capacity
