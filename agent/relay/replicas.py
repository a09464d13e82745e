"""The ready replicas of a deployment on this node: which one takes the next request, and which are out for a while."""

from collections.abc import Callable, Collection, Iterator, Sequence

from agent.relay.deployment import DeploymentRelay, Upstream
from agent.relay.replica import Replica
from homeport.core.balance.balancer import Balancer
from homeport.core.balance.ejection import Failure, after_failure, after_success
from homeport.core.balance.latency import after_a_second, after_answer


class Replicas:
    """`random` gives numbers in [0, 1)."""

    def __init__(self, terms: DeploymentRelay, monotonic: Callable[[], float], random: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._random = random
        self._ready: dict[str, Replica] = {}
        # How many have a standing, or are unwell: nearly always none.
        self._doubtful = 0
        self._balancer: Balancer | None = None
        self.set_terms(terms)

    def set_terms(self, terms: DeploymentRelay) -> None:
        self._concurrency = terms.concurrency
        for replica in self._ready.values():
            replica.capacity = terms.concurrency
        if terms.balancing is None:
            self._balancer = None
        elif self._balancer is None or self._balancer.balancing != terms.balancing:
            self._balancer = Balancer(terms.balancing, self._random)
        self._watch()

    def __iter__(self) -> Iterator[Replica]:
        return iter(self._ready.values())

    def __len__(self) -> int:
        return len(self._ready)

    def get(self, replica_id: str) -> Replica | None:
        return self._ready.get(replica_id)

    def set(self, upstreams: Sequence[Upstream]) -> list[Replica]:
        """Returns those that are no longer listed."""
        wanted = {upstream.replica_id: upstream for upstream in upstreams}
        gone = [replica for key, replica in self._ready.items() if not replica.is_at(wanted.get(key))]
        for replica in gone:
            del self._ready[replica.name]
        for replica_id, upstream in wanted.items():
            if replica_id not in self._ready:
                self._ready[replica_id] = Replica(upstream, self._concurrency, self._monotonic)
            self._ready[replica_id].is_unwell = upstream.is_unwell
        self._watch()
        return gone

    def pop(self, replica_id: str) -> Replica | None:
        replica = self._ready.pop(replica_id, None)
        self._watch()
        return replica

    # ---- the choice

    def pick(self, tried: Collection[str] = (), affinity: str = "", anyone: bool = False) -> Replica | None:
        """One with room, the least busy unless the deployment says otherwise. `anyone`: rather an unwell one than
        none."""
        if self._doubtful or self._balancer is not None:
            return self._pick_with_care(tried, affinity, anyone)
        best: Replica | None = None
        least = self._concurrency
        for replica_id, replica in self._ready.items():
            busy = len(replica.requests)
            if busy < least and not replica.leaving and replica_id not in tried:
                best, least = replica, busy
        return best

    def has_room(self) -> bool:
        """For somebody who has waited, and takes anyone."""
        return any(replica.in_flight < replica.capacity for replica in self.usable() or self._unwell())

    def usable(self) -> list[Replica]:
        """Those that are neither unwell nor out. Who is out because it could not be reached stays so; but where
        requests have shown other things, somebody doubtful is better than nobody."""
        serving = [replica for replica in self._ready.values() if not replica.leaving and not replica.is_unwell]
        if not self._doubtful:
            return serving
        now = self._monotonic()
        well = [each for each in serving if each.standing is None or not each.standing.is_out(now)]
        return well or [each for each in serving if each.standing is None or not each.standing.is_unreachable]

    def _unwell(self) -> list[Replica]:
        """Where all are: a check may be wrong, and a site is worth more than its check."""
        now = self._monotonic()
        unwell = [replica for replica in self._ready.values() if not replica.leaving and replica.is_unwell]
        return [each for each in unwell if each.standing is None or not each.standing.is_out(now)]

    def _pick_with_care(self, tried: Collection[str], affinity: str, anyone: bool) -> Replica | None:
        usable = self.usable() or (self._unwell() if anyone else [])
        able = [replica for replica in usable if replica.name not in tried]
        if self._balancer is not None:
            chosen = self._balancer.choose(able, affinity)
        else:
            free = [replica for replica in able if replica.in_flight < replica.capacity]
            chosen = min(free, key=lambda replica: replica.in_flight, default=None)
        if chosen is not None and chosen.standing is not None:
            now = self._monotonic()
            if chosen.standing.is_on_trial(now):
                chosen.standing = chosen.standing.on_trial(now)
        return chosen

    # ---- what became of requests

    def failed(self, replica: Replica, failure: Failure, started_at: float) -> bool:
        """True: it is out for a while now."""
        before = replica.standing
        replica.standing = after_failure(before, failure, started_at, self._monotonic())
        self._watch()
        return replica.standing.ejections != (before.ejections if before is not None else 0)

    def answered(self, replica: Replica, started_at: float) -> bool:
        """By one that is watched, properly. True: it is sound again."""
        if self._balancer is not None and self._balancer.compares_latency:
            replica.latency_seconds = after_answer(replica.latency_seconds, self._monotonic() - started_at)
        if replica.standing is None:
            return False
        replica.standing = after_success(replica.standing, started_at)
        self._watch()
        return replica.standing is None

    def tick(self) -> None:
        """Once a second."""
        for replica in self._ready.values():
            replica.pool.prune()
            replica.latency_seconds = after_a_second(replica.latency_seconds)

    def _watch(self) -> None:
        compares = self._balancer is not None and self._balancer.compares_latency
        self._doubtful = 0
        for replica in self._ready.values():
            replica.is_watched = compares or replica.standing is not None
            self._doubtful += replica.standing is not None or replica.is_unwell
