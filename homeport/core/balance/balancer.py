"""One deployment's choice between its targets, request after request."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from homeport.core.balance.algorithm import Target, by_hash, least_connections, power_of_two, preferred, round_robin
from homeport.core.balance.balancing import Balancing

T = TypeVar("T", bound=Target)


class Balancer:
    """`random` gives numbers in [0, 1)."""

    def __init__(self, balancing: Balancing, random: Callable[[], float]) -> None:
        self.balancing = balancing
        self._random = random
        self._turn = 0

    @property
    def compares_latency(self) -> bool:
        return self.balancing.algorithm == "power_of_two"

    def choose(self, targets: Sequence[T], affinity: str) -> T | None:
        """One with room, or None. Requests with the same `affinity` belong together; empty = it belongs to none."""
        key = affinity.encode()
        if affinity and self.balancing.sticky is not None:
            own = preferred(targets, key)
            if own is not None:
                return own
        match self.balancing.algorithm:
            case "round_robin":
                self._turn += 1
                return round_robin(targets, self._turn - 1)
            case "ip_hash" if affinity:
                return by_hash(targets, key)
            case "power_of_two":
                return power_of_two(targets, self._random)
            case _:
                return least_connections(targets)
