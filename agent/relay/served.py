"""One deployment on this node: its replicas, and the requests that wait for them."""

import random
from collections.abc import Callable, Collection, Sequence

import structlog

from agent.relay.deployment import DeploymentRelay, Upstream
from agent.relay.failure_log import FailureLog
from agent.relay.hold import HoldQueue
from agent.relay.replica import Replica
from agent.relay.replicas import Replicas
from agent.relay.request import RelayedRequest
from homeport.core.autoscale.demand import Demand
from homeport.core.balance.ejection import Failure
from homeport.core.history.cold_start import StartParts
from homeport.core.waiting import Outlook, in_round_numbers, seconds_to_wait
from homeport.tunnel.frames import Progress, Refusal, RefusedCode
from homeport.tunnel.load import DeploymentLoad

log = structlog.get_logger()

# Weight of the newest request in the average of how long they take.
_NEWEST = 0.1
_LEAVING = Refusal(RefusedCode.DRAINING, 1, "the deployment is leaving this node")


class ServedDeployment:
    """`outlook(deployment_id)` says what may be ready when; `on_wait` is called when a request starts to wait,
    `on_change` when the load has changed (True: the replicas), `on_ejected` when requests have shown that a replica is
    to get none for a while."""

    def __init__(
        self,
        terms: DeploymentRelay,
        monotonic: Callable[[], float],
        outlook: Callable[[str], Outlook],
        on_wait: Callable[[str], None],
        on_change: Callable[[bool], None],
        on_ejected: Callable[[str, str, Failure], None] = lambda deployment_id, replica_id, failure: None,
    ) -> None:
        self.terms = terms
        self.reason = ""
        # Of all answers so far.
        self.tokens = 0
        self.failures = FailureLog(monotonic)
        self._monotonic = monotonic
        self._outlook = outlook
        self._on_wait = on_wait
        self._on_change = on_change
        self._on_ejected = on_ejected
        self._replicas = Replicas(terms, monotonic, random.random)
        # Gone from the list, with requests still in flight.
        self._leaving: dict[str, Replica] = {}
        self._queue: HoldQueue[RelayedRequest] = HoldQueue()
        # Of those that wait, who wants to hear how it goes; and a few that wait no longer.
        self._asking: set[RelayedRequest] = set()
        self._last_request_at: float | None = None
        # Of requests that were taken, since this agent started.
        self._arrivals = 0
        self._completions = 0
        self._answered = 0
        self._answered_seconds = 0.0
        # Of a request on a replica; a moving average.
        self._service_seconds = 0.0

    def set_terms(self, terms: DeploymentRelay) -> None:
        """A deployment that may run nothing here any more is on its way out: who waits goes to another node."""
        self.terms = terms
        self._replicas.set_terms(terms)
        if terms.max_replicas == 0:
            self._refuse_waiting(_LEAVING)
        self._admit_waiting()
        self._on_change(False)

    # ---- requests

    def accept(self, request: RelayedRequest) -> None:
        """Starts it on a replica, lets it wait, or refuses it."""
        self._last_request_at = self._monotonic()
        self._place(request)

    def try_another(self, request: RelayedRequest, tried: Collection[str], problem: str) -> None:
        """It could not be handed to a replica, and no byte of it was."""
        replica = self._replicas.pick(tried, request.opening.affinity, request.opening.hold)
        if replica is not None:
            request.start(self, replica, self._monotonic())
        elif request.opening.hold:
            self._queue_up(request)
        else:
            request.refuse(Refusal(RefusedCode.UNREACHABLE, 1, problem))
        self._admit_waiting()

    def failed_on(self, replica: Replica, failure: Failure, started_at: float) -> None:
        """A request that was started there then."""
        if self._replicas.failed(replica, failure, started_at):
            log.warning(
                "a replica gets no requests for a while",
                deployment=self.terms.deployment_id,
                replica=replica.name,
                failure=failure.value,
            )
            self._on_ejected(self.terms.deployment_id, replica.name, failure)
            self._on_change(True)

    def answered_by(self, replica: Replica, started_at: float) -> None:
        """The head of a proper answer of a replica that is watched."""
        if self._replicas.answered(replica, started_at):
            self._admit_waiting()
            self._on_change(True)

    def answered(self, started_at: float) -> None:
        """A request that was started then has its whole answer."""
        seconds = self._monotonic() - started_at
        self._answered += 1
        self._answered_seconds += seconds
        self._service_seconds += (seconds - self._service_seconds) * (_NEWEST if self._service_seconds else 1.0)

    def freed(self) -> None:
        """A request left its replica."""
        self._completions += 1
        self._admit_waiting()
        self._on_change(False)

    def leave_queue(self, request: RelayedRequest) -> None:
        self._queue.leave(request)
        self._on_change(False)

    def _place(self, request: RelayedRequest) -> None:
        """With `hold` it came since its gateway knows of nobody who is well and free: then anyone will do."""
        replica = self._replicas.pick((), request.opening.affinity, request.opening.hold)
        if replica is not None:
            self._arrivals += 1
            request.start(self, replica, self._monotonic())
            self._on_change(False)
        elif not request.opening.hold:
            request.refuse(Refusal(RefusedCode.BUSY, 1, "no replica is free"))
        elif self._queue_up(request):
            self._arrivals += 1

    def _queue_up(self, request: RelayedRequest) -> bool:
        """False: it was refused."""
        if self.terms.max_replicas == 0:
            request.refuse(_LEAVING)
            return False
        if len(self._queue) >= self.terms.hold_limit:
            displaced = self._queue.give_way(request.opening.tenant)
            self._refuse_full(displaced or request)
            if displaced is None:
                return False
        self._hold(request)
        return True

    def _hold(self, request: RelayedRequest) -> None:
        now, seconds = self._monotonic(), self.terms.hold_seconds
        if request.opening.remaining_ms:
            seconds = min(seconds, request.opening.remaining_ms / 1000)
        # Once in all, however often it comes back because its replica could not be reached.
        request.held_since = request.held_since or now
        left = max(0.0, request.held_since + seconds - now)

        def expired() -> None:
            reason = self.reason or "no replica became free" if self._replicas else self.reason or "no replica is ready"
            request.refuse(Refusal(RefusedCode.EXPIRED, self._retry_after(), f"{reason} within {seconds:.3g} s"))
            self._on_change(False)

        request.wait(self)
        if request.opening.wants_progress:
            self._asking.add(request)
        self._queue.put(request, request.opening.tenant, now, left, expired)
        self._on_wait(self.terms.deployment_id)
        self._on_change(False)

    def _refuse_full(self, request: RelayedRequest) -> None:
        reason = f"{self.terms.hold_limit} requests wait already"
        request.refuse(Refusal(RefusedCode.QUEUE_FULL, self._retry_after(), reason))

    def _tell_waiting(self) -> None:
        """How it goes on, to those that asked for it."""
        self._asking = {request for request in self._asking if request in self._queue}
        if not self._asking:
            return
        now, outlook = self._monotonic(), self._outlook(self.terms.deployment_id)
        text = "waiting for a replica" if self._replicas else self.reason or "waiting for a replica to start"
        for ahead, request in enumerate(self._queue.in_turn()):
            if request in self._asking:
                request.tell(Progress(self._seconds_to_wait(outlook, ahead), text), now)

    def _retry_after(self) -> int:
        return self._seconds_to_wait(self._outlook(self.terms.deployment_id), len(self._queue))

    def _seconds_to_wait(self, outlook: Outlook, ahead: int) -> int:
        seconds = seconds_to_wait(outlook, self.terms.concurrency, self._service_seconds, ahead)
        return in_round_numbers(seconds)

    def _admit_waiting(self) -> None:
        while len(self._queue) and self._replicas.has_room():
            request = self._queue.pop()
            if request is None:
                return
            replica = self._replicas.pick((), request.opening.affinity, anyone=True)
            if replica is None:
                return
            request.start(self, replica, self._monotonic())

    # ---- replicas

    def set_upstreams(self, upstreams: Sequence[Upstream]) -> None:
        for replica in self._replicas.set(upstreams):
            self._leave(replica)
        self._admit_waiting()
        self._on_change(True)

    async def drain(self, replica_id: str) -> None:
        replica = self._replicas.pop(replica_id)
        if replica is not None:
            self._leave(replica)
            self._on_change(True)
        replica = replica or self._leaving.get(replica_id)
        if replica is not None:
            await replica.emptied()

    def tick(self) -> None:
        """Once a second."""
        self._replicas.tick()
        now = self._monotonic()
        for replica in (*self._replicas, *self._leaving.values()):
            for request in [request for request in replica.requests if request.is_late(now)]:
                request.expire()
        for replica_id in [key for key, replica in self._leaving.items() if not replica.requests]:
            del self._leaving[replica_id]
        # One that was out may be tried again.
        self._admit_waiting()
        self._tell_waiting()

    def close(self, reason: str) -> None:
        """Nothing waits any longer; what is in flight finishes."""
        self._refuse_waiting(Refusal(RefusedCode.UNKNOWN_DEPLOYMENT, 1, reason))
        self.set_upstreams(())

    def _refuse_waiting(self, refusal: Refusal) -> None:
        while (request := self._queue.pop()) is not None:
            request.refuse(refusal)

    def _leave(self, replica: Replica) -> None:
        self._leaving[replica.upstream.replica_id] = replica
        replica.leave()

    # ---- figures

    def demand(self) -> Demand:
        oldest = self._queue.oldest_since
        return Demand(
            in_flight=self._in_flight(),
            queued=len(self._queue),
            last_request_at=self._last_request_at,
            arrivals=self._arrivals,
            completions=self._completions,
            answered=self._answered,
            answered_seconds=self._answered_seconds,
            tokens=self.tokens,
            oldest_wait_seconds=self._monotonic() - oldest if oldest is not None else 0.0,
        )

    def waited(self) -> StartParts:
        """What a start that is ordered now has behind it: the wait of the request that has waited longest."""
        oldest, since = self._queue.oldest, self._queue.oldest_since
        if oldest is None or since is None:
            return StartParts()
        parked = oldest.opening.parked_ms / 1000
        return StartParts(queue_seconds=round(self._monotonic() - since, 6), place_seconds=parked)

    def in_flight_on(self, replica_id: str) -> int:
        replica = self._replicas.get(replica_id)
        return replica.in_flight if replica is not None else 0

    def load(self) -> DeploymentLoad:
        ready = tuple(replica.name for replica in self._replicas.usable())
        return DeploymentLoad(
            self.terms.deployment_id,
            self.terms.revision,
            ready,
            self._in_flight(),
            len(self._queue),
            len(ready) * self.terms.concurrency,
        )

    def _in_flight(self) -> int:
        return sum(replica.in_flight for replica in (*self._replicas, *self._leaving.values()))
