"""One node of a replay: replicas that start and drain, one queue, and the policy that is asked how many."""

from collections import deque
from collections.abc import Callable

from homeport.core.autoscale.decision import Decision
from homeport.core.autoscale.demand import Demand, Supply
from homeport.core.autoscale.lateness import LATE_SECONDS
from homeport.core.replay.arrival import Arrival

Decide = Callable[[Demand, Supply, float], Decision]


class Replica:
    __slots__ = ("draining", "in_flight", "ready_at", "started_at")

    def __init__(self, started_at: float, ready_at: float) -> None:
        self.started_at = started_at
        self.ready_at = ready_at
        self.in_flight = 0
        self.draining = False


class ReplayNode:
    """`decide` is the policy; `slots` requests run at once on a replica, which is billed from its start order until it
    has drained. Also a Presence, for the choice among several nodes."""

    def __init__(
        self,
        decide: Decide,
        start_seconds: float,
        slots: int,
        finish: Callable[[float, "ReplayNode", Replica], None],
        rank: int = 0,
        max_replicas: int = 1_000_000,
    ) -> None:
        """`finish(at, node, replica)` brings `finished` (or `became_ready`) about, at that time."""
        self.node_id = str(rank)
        self.rank = rank
        self.min_replicas = 0
        self.max_replicas = max_replicas
        self.ready_replicas = 0
        self.capacity = 0
        self.in_flight = 0
        self.starts = 0
        self.late = 0
        self.replica_seconds = 0.0
        self.waits: list[float] = []
        self.look_again_at: float | None = 0.0
        self._decide = decide
        self._start_seconds = start_seconds
        self._slots = slots
        self._finish = finish
        self._queue: deque[Arrival] = deque()
        self._starting: list[Replica] = []
        # Ready ones that are not on their way out, by how many requests they have.
        self._by_load: list[dict[Replica, None]] = [{} for _ in range(slots + 1)]
        self._arrivals = 0
        self._completions = 0
        self._last_request_at: float | None = None
        self._learned: float | None = None

    @property
    def replicas(self) -> int:
        return self.ready_replicas + len(self._starting)

    @property
    def idle(self) -> bool:
        return not self.in_flight

    def accept(self, arrival: Arrival) -> bool:
        """False: it has to wait."""
        self._arrivals += 1
        self._last_request_at = arrival.at
        self.in_flight += 1
        if not self._queue:
            replica = self._fullest_with_room()
            if replica is not None:
                self._run(arrival, replica, arrival.at)
                return True
        self._queue.append(arrival)
        return False

    def finished(self, replica: Replica, now: float) -> None:
        self._completions += 1
        self.in_flight -= 1
        replica.in_flight -= 1
        if replica.draining:
            if not replica.in_flight:
                self.replica_seconds += now - replica.started_at
            return
        del self._by_load[replica.in_flight + 1][replica]
        self._by_load[replica.in_flight][replica] = None
        self._admit(now)

    def became_ready(self, replica: Replica, now: float) -> None:
        if replica.draining:
            return
        self._learned = now - replica.started_at
        self._starting.remove(replica)
        self._by_load[0][replica] = None
        self.ready_replicas += 1
        self.capacity += self._slots
        self._admit(now)

    def tick(self, now: float) -> Decision:
        oldest = now - self._queue[0].at if self._queue else 0.0
        demand = Demand(
            in_flight=self.in_flight - len(self._queue),
            queued=len(self._queue),
            last_request_at=self._last_request_at,
            arrivals=self._arrivals,
            completions=self._completions,
            oldest_wait_seconds=oldest,
        )
        decision = self._decide(demand, Supply(self.ready_replicas, len(self._starting), self._learned), now)
        self._scale(min(decision.replicas, self.max_replicas), now)
        self.look_again_at = decision.look_again_at
        return decision

    def close(self, now: float) -> None:
        """Ends the bill of what still runs."""
        self._scale(0, now)

    def _scale(self, replicas: int, now: float) -> None:
        for _ in range(replicas - self.replicas):
            self.starts += 1
            replica = Replica(now, now + self._start_seconds)
            self._starting.append(replica)
            self._finish(replica.ready_at, self, replica)
        for _ in range(self.replicas - replicas):
            self._drain_one(now)

    def _drain_one(self, now: float) -> None:
        """One that is not ready yet, the youngest; else the one with the fewest requests."""
        if self._starting:
            replica = self._starting.pop()
        else:
            replica = next(iter(next(loaded for loaded in self._by_load if loaded)))
            del self._by_load[replica.in_flight][replica]
            self.ready_replicas -= 1
            self.capacity -= self._slots
        replica.draining = True
        if not replica.in_flight:
            self.replica_seconds += now - replica.started_at

    def _fullest_with_room(self) -> Replica | None:
        for load in range(self._slots - 1, -1, -1):
            if self._by_load[load]:
                return next(iter(self._by_load[load]))
        return None

    def _admit(self, now: float) -> None:
        while self._queue:
            replica = self._fullest_with_room()
            if replica is None:
                return
            self._run(self._queue.popleft(), replica, now)

    def _run(self, arrival: Arrival, replica: Replica, now: float) -> None:
        wait = now - arrival.at
        self.waits.append(wait)
        if wait > LATE_SECONDS:
            self.late += 1
        del self._by_load[replica.in_flight][replica]
        replica.in_flight += 1
        self._by_load[replica.in_flight][replica] = None
        self._finish(now + arrival.service_seconds, self, replica)
