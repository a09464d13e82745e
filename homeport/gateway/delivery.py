"""Brings a request to a node: the choice of it, waiting for one, and another try where that is safe."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from homeport.core.balance.balancer import Balancer
from homeport.core.balance.pick_node import pick_node
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.rollout.track import deployment_of
from homeport.gateway.attempt import Attempt, TimedAttempt
from homeport.gateway.balancing.branching import Branching
from homeport.gateway.balancing.presence import NodeRoute
from homeport.gateway.retry import may_run_twice
from homeport.gateway.routing.heading import Heading, heading_of
from homeport.gateway.routing.routes import RoutePolicy
from homeport.http1.exchange import ClientSide
from homeport.http1.head import NO_BODY, RequestHead
from homeport.tunnel.frames import Progress, Refusal, RefusedCode, ResetCode
from homeport.tunnel.opening import Opening

if TYPE_CHECKING:
    from homeport.gateway.gateway import Gateway

# Not the request's fault but the node's moment: wait for another one to connect, if there is time.
_PASSING = frozenset((RefusedCode.DRAINING, RefusedCode.UNKNOWN_DEPLOYMENT))
_DYING_SECONDS = 0.1

_FULL = "too many requests wait for a node"


class Delivery(Branching):
    """What becomes of the answer, or of the lack of one, is the subclass's."""

    # Defaults stand here: most requests change few of them.
    _policy: RoutePolicy | None = None
    _attempt: Attempt | None = None
    _tenant = ""
    _deadline = 0.0
    _hold_until = 0.0
    _tries = 0
    _retried = False
    _parked = False
    # What stands behind the body.
    _trailers = b""
    # How the replica gets it.
    _http2 = False
    # Since when, and for how long before that.
    _parked_at = 0.0
    _parked_seconds = 0.0
    _unconsumed = 0
    _refused: frozenset[str] = frozenset()
    # Nodes that are asked again once no other is left.
    _busy: frozenset[str] = frozenset()
    _unreachable: frozenset[str] = frozenset()

    def __init__(self, connection: ClientSide, head: RequestHead, length: int, gateway: "Gateway") -> None:
        Branching.__init__(self, connection, head, length)
        self._gateway = gateway
        self._heading: Heading = head.meaning or heading_of(head)
        self._request_id = gateway.request_ids.of(self._heading.given_id)
        # The body so far, for a second try; None once it is too large or the answer has begun.
        self._body: list[bytes] | None = []
        self._body_complete = length == NO_BODY or not length

    # ---- the subclass's side

    def on_answer_head(self, status: int, length: int, lines: bytes, last: bool) -> None:
        raise NotImplementedError

    def on_answer_data(self, data: bytes, last: bool) -> None:
        raise NotImplementedError

    def on_answer_trailers(self, block: bytes) -> None:
        """on_answer_data(b"", True) comes next."""
        raise NotImplementedError

    def on_progress(self, progress: Progress) -> None:
        """It still waits, and the caller wants to hear of it."""
        raise NotImplementedError

    def fail(self, error: HomeportError) -> None:
        """No node will answer it."""
        raise NotImplementedError

    # ---- to a node

    def dispatch(self) -> None:
        """Sends the request to a node, parks it, or fails it."""
        policy = self._policy
        if policy is None:
            return
        gateway = self._gateway
        candidates = gateway.presences.candidates(policy.deployment_id)
        balancer = None
        if policy.policy.balancing is not None:
            balancer = gateway.presences.balancer(policy.deployment_id)
        choose = self._chooser(balancer) if balancer is not None else None
        hold = False
        while True:
            exclude = self._refused | self._busy if self._refused or self._busy else ()
            choice = pick_node(candidates, exclude, choose)
            if choice is None:
                if not self._busy:
                    if self._branch is None or not self._elsewhere(policy):
                        self._park(policy)
                    return
                # Nobody has room: wait where there may be some first.
                self._busy = frozenset()
                hold = True
                continue
            link = gateway.presences.link(choice.node.node_id)
            if link is not None:
                if balancer is not None and balancer.compares_latency:
                    attempt: Attempt = TimedAttempt(link, self, choice.node, gateway.clock)
                else:
                    attempt = Attempt(link, self, choice.node)
                self._begin(policy, attempt, hold or choice.hold)
                return
            self._refused |= {choice.node.node_id}

    def _elsewhere(self, policy: RoutePolicy) -> bool:
        """To another revision, where no node is left that could run this one."""
        other = self.other_revision(policy)
        if other is None:
            return False
        self._policy = other
        self._refused = self._busy = self._unreachable = frozenset()
        self.dispatch()
        return True

    def _chooser(self, balancer: Balancer) -> Callable[[Sequence[NodeRoute]], NodeRoute | None]:
        key = self.find_affinity(balancer.balancing).key
        return lambda nodes: balancer.choose(nodes, key)

    def client_address(self) -> str:
        """As far as it can be believed: of whoever dialled, or of whom a trusted proxy speaks for."""
        peer, proxies = self.connection.peer_address(), self._gateway.proxies
        return peer if proxies is None else proxies.client(peer, self.head.fields)

    def _begin(self, policy: RoutePolicy, attempt: Attempt, hold: bool) -> None:
        remaining = 0
        if self._deadline:
            remaining = max(1, int((self._deadline - self._gateway.clock()) * 1000))
        is_watched = self._shows_timing or self._gateway.access_log is not None
        if is_watched:
            self._sent_at, self._node_id = self._gateway.clock(), attempt.node.node_id
        opening = Opening(
            policy.deployment_id,
            policy.revision,
            self._heading.start + self._request_id + b"\r\n",
            self.length,
            remaining,
            hold,
            self._tries,
            "",
            self._affinity.key if self._affinity is not None else "",
            self._tenant,
            self._heading.wants_progress,
            int(self._parked_seconds * 1000),
            self.head.upgrade,
            self._http2,
            policy.policy.drain_abandoned and not self.head.upgrade,
            is_watched,
        )
        self._tries += 1
        self._attempt = attempt
        complete = self._body_complete and not self._trailers
        body = b"".join(self._body) if self._body else b""
        attempt.link.open(attempt, opening, complete and not body)
        self.connection.want_body(attempt.send_data(body, complete) if body else True)
        if self._trailers and self._body_complete:
            attempt.send_trailers(self._trailers)

    def _park(self, policy: RoutePolicy) -> None:
        seconds = self._hold_until - self._gateway.clock()
        if seconds > 0 and self._gateway.parking.park(deployment_of(policy.deployment_id), self, self._tenant, seconds):
            self._parked = True
            self._parked_at = self._gateway.clock()
            if self._counters is not None:
                self._counters.parked += 1
            return
        self._fail_unavailable(_FULL if seconds > 0 else "")

    def on_unparked(self) -> None:
        self._leave_parking()
        self._refused = self._tried = frozenset()
        self.dispatch()

    def on_parking_over(self) -> None:
        self._leave_parking()
        self._fail_unavailable("")

    def on_parking_full(self) -> None:
        self._leave_parking()
        self._fail_unavailable(_FULL)

    def _leave_parking(self) -> None:
        self._parked = False
        seconds = self._gateway.clock() - self._parked_at
        self._parked_seconds += seconds
        if self._counters is not None:
            self._counters.parked_seconds += seconds

    def _fail_unavailable(self, reason: str) -> None:
        self._fail_for(reason or "none of its nodes is connected", 5)

    def _fail_for(self, reason: str, retry_after_seconds: int) -> None:
        name = deployment_of(self._policy.deployment_id) if self._policy else ""
        which = f"revision {self._revision} of deployment" if self._revision else "deployment"
        self.fail(
            HomeportError(
                ErrorCode.UNAVAILABLE,
                f"{which} {name} cannot take the request: {reason}",
                hint=f"see `homeport deployment get {name}`",
                retry_after_seconds=retry_after_seconds,
            )
        )

    # ---- what an attempt came to

    def on_attempt_refused(self, refusal: Refusal) -> None:
        """Never dispatched: any other node may have it."""
        node = self._forget_attempt()
        if refusal.code == RefusedCode.EXPIRED or self._body is None:
            self._fail_refused(refusal)
            return
        if refusal.code == RefusedCode.BUSY:
            self._busy |= {node}
        elif refusal.code == RefusedCode.UNREACHABLE and node not in self._unreachable:
            # Its replicas may have died this moment: where no other node is left, the request waits there for the next.
            self._busy |= {node}
            self._unreachable |= {node}
        else:
            self._refused |= {node}
        candidates = self._gateway.presences.candidates(self._policy.deployment_id) if self._policy else []
        untried = any(c.node_id not in self._refused and c.max_replicas > 0 for c in candidates)
        if untried or refusal.code in _PASSING:
            if self._counters is not None:
                self._counters.resends += 1
            self.dispatch()
        elif self._branch is None or self._policy is None or not self._elsewhere(self._policy):
            self._fail_refused(refusal)

    def on_attempt_lost(self, code: int, reason: str) -> None:
        """Perhaps dispatched."""
        node = self._forget_attempt()
        policy = self._policy
        if policy is not None and code in (ResetCode.TUNNEL_LOST, ResetCode.UPSTREAM_LOST):
            steps_back = self._gateway.presences.attempt_lost(policy.deployment_id, node, self._began_at)
            if steps_back and self._counters is not None:
                self._counters.ejections += 1
        if code == ResetCode.TIMEOUT:
            self.fail(HomeportError(ErrorCode.DEADLINE_EXCEEDED, f"the model took too long: {reason}"))
        elif (
            policy is not None
            and code in (ResetCode.TUNNEL_LOST, ResetCode.UPSTREAM_LOST)
            and not self._retried
            and self._body is not None
            and may_run_twice(
                policy.policy, self.head.method, self._heading.to.target, self._heading.has_idempotency_key
            )
        ):
            self._retried = True
            if self._counters is not None:
                self._counters.retries += 1
            # Any other node first. On the same one a replica that is dying may need a moment to be known as dead.
            self._busy |= {node}
            if any(other.node_id != node for other in self._gateway.presences.candidates(policy.deployment_id)):
                self.dispatch()
            else:
                asyncio.get_running_loop().call_later(_DYING_SECONDS, self._dispatch_late)
        else:
            self.fail(HomeportError(ErrorCode.UPSTREAM_FAILED, f"the model's answer was lost: {reason}"))

    def _dispatch_late(self) -> None:
        if self in self._gateway.active:
            self.dispatch()

    def on_doubtful_answer(self, node: NodeRoute) -> None:
        if self._policy is not None:
            self._gateway.presences.attempt_answered(self._policy.deployment_id, node, self._began_at)

    def _fail_refused(self, refusal: Refusal) -> None:
        self._fail_for(refusal.reason, refusal.retry_after_seconds or 1)

    def _forget_attempt(self) -> str:
        attempt, self._attempt = self._attempt, None
        self._unconsumed = 0
        return attempt.node.node_id if attempt is not None else ""

    def give_up_attempt(self, code: ResetCode) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.node.attempts.discard(attempt)
            attempt.reset(code)
