"""Requests arrive, wait, run; policies are asked once a second, and when a request starts to wait."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import floor

from homeport.core.autoscale.decision import Decision
from homeport.core.balance.pick_node import pick_node
from homeport.core.replay.arrival import Arrival
from homeport.core.replay.node import Decide, ReplayNode, Replica

# As the agent: under a flood of waiting requests one decision serves many of them.
_SHORTEST_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """`waits` are seconds in the queue, one for each request, in the order in which they were started."""

    requests: int
    late: int
    replica_seconds: float
    starts: int
    waits: tuple[float, ...]

    @property
    def violations_percent(self) -> float:
        return 100 * self.late / max(self.requests, 1)


def replay(
    trace: Iterable[Arrival],
    policies: Sequence[Decide],
    start_seconds: float,
    slots: int,
    max_replicas: int = 1_000_000,
    told: Callable[[float, int, Decision], None] = lambda at, rank, decision: None,
) -> Outcome:
    """One node for each of the `policies`, of `max_replicas` each; the trace in the order of time. `told` hears of each
    decision: when, on the node of which rank, and what."""
    return _Replay(policies, start_seconds, slots, max_replicas, told).run(trace)


class _Replay:
    def __init__(
        self,
        policies: Sequence[Decide],
        start_seconds: float,
        slots: int,
        max_replicas: int,
        told: Callable[[float, int, Decision], None],
    ) -> None:
        self._events: list[tuple[float, int, ReplayNode, Replica]] = []
        self._number = 0
        self._nodes = [
            ReplayNode(decide, start_seconds, slots, self._finish_at, rank, max_replicas)
            for rank, decide in enumerate(policies)
        ]
        self._told = told
        self._decided_at = [float("-inf")] * len(self._nodes)

    def run(self, trace: Iterable[Arrival]) -> Outcome:
        now = 0.0
        for arrival in trace:
            self._advance(arrival.at)
            now = arrival.at
            self._accept(arrival)
        while any(not node.idle for node in self._nodes):
            now = min(self._events[0][0] if self._events else self._next_tick(), self._next_tick())
            self._advance(now)
        for node in self._nodes:
            node.close(now)
        waits = tuple(wait for node in self._nodes for wait in node.waits)
        return Outcome(
            requests=len(waits),
            late=sum(node.late for node in self._nodes),
            replica_seconds=sum(node.replica_seconds for node in self._nodes),
            starts=sum(node.starts for node in self._nodes),
            waits=waits,
        )

    def _finish_at(self, at: float, node: ReplayNode, replica: Replica) -> None:
        self._number += 1
        heappush(self._events, (at, self._number, node, replica))

    def _accept(self, arrival: Arrival) -> None:
        node = self._nodes[0]
        if len(self._nodes) > 1:
            choice = pick_node(self._nodes)
            if choice is not None:
                node = choice.node
        # From now on there is something to look at each second.
        tick = floor(arrival.at) + 1.0
        if node.look_again_at is None or node.look_again_at > tick:
            node.look_again_at = tick
        if node.accept(arrival):
            return
        due = self._decided_at[node.rank] + _SHORTEST_SECONDS
        if arrival.at >= due:
            self._decide(node, arrival.at)
        else:
            node.look_again_at = min(due, node.look_again_at)

    def _advance(self, until: float) -> None:
        """Everything that happens before `until`, and at it."""
        while True:
            tick = self._next_tick()
            if self._events and self._events[0][0] <= min(tick, until):
                at, _, node, replica = heappop(self._events)
                if not replica.in_flight:
                    node.became_ready(replica, at)
                else:
                    node.finished(replica, at)
            elif tick <= until:
                for node in self._nodes:
                    if node.look_again_at is not None and node.look_again_at <= tick:
                        self._decide(node, tick)
            else:
                return

    def _next_tick(self) -> float:
        return min((n.look_again_at for n in self._nodes if n.look_again_at is not None), default=float("inf"))

    def _decide(self, node: ReplayNode, now: float) -> None:
        decision = node.tick(now)
        self._decided_at[node.rank] = now
        self._told(now, node.rank, decision)
        tick = floor(now) + 1.0
        if not node.idle:
            node.look_again_at = tick
        elif node.look_again_at is not None:
            node.look_again_at = max(tick, node.look_again_at)
