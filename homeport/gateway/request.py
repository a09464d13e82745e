"""One client request: check, route, send it to a node, answer; again elsewhere where that is safe."""

from typing import TYPE_CHECKING

from homeport.core.balance import pick_node
from homeport.core.errors import ErrorCode, HomeportError
from homeport.gateway.attempt import Attempt
from homeport.gateway.denial import Denial
from homeport.gateway.errors import event, render
from homeport.gateway.heading import heading_of
from homeport.gateway.invocation import Invoker
from homeport.gateway.model_field import MAX_BODY, read_model, too_large, with_model
from homeport.gateway.model_list import model_list, one_model
from homeport.gateway.retry import may_run_twice
from homeport.gateway.routes import RoutePolicy
from homeport.gateway.waiting_answer import WaitingAnswer
from homeport.http1.exchange import Exchange
from homeport.http1.head import NO_BODY, UNKNOWN, RequestHead
from homeport.http1.server_connection import ServerConnection
from homeport.tunnel.frames import Progress, Refusal, RefusedCode, ResetCode
from homeport.tunnel.opening import Opening

if TYPE_CHECKING:
    from homeport.gateway.gateway import Gateway

# Not the request's fault but the node's moment: wait for another one to connect, if there is time.
_DENIALS = frozenset((ErrorCode.UNAUTHENTICATED, ErrorCode.PERMISSION_DENIED))
_PASSING = frozenset((RefusedCode.DRAINING, RefusedCode.UNKNOWN_DEPLOYMENT))
_NO_NODE = Progress(0, "waiting for a node to connect")


class GatewayRequest(Exchange):
    # Defaults stand here: most requests change few of them.
    _policy: RoutePolicy | None = None
    _attempt: Attempt | None = None
    _invoker: Invoker | None = None
    _tenant = ""
    _deadline = 0.0
    _hold_until = 0.0
    _body_size = 0
    # All of it must be here first: to read or to change its `model`.
    _awaits_body = False
    _tries = 0
    _retried = False
    _parked = False
    # Since when, and for how long before that.
    _parked_at = 0.0
    _parked_seconds = 0.0
    _streams_events = False
    _waiting_answer: WaitingAnswer | None = None
    _unconsumed = 0
    _refused: frozenset[str] = frozenset()
    _busy: frozenset[str] = frozenset()

    def __init__(self, connection: ServerConnection, head: RequestHead, length: int, gateway: "Gateway") -> None:
        super().__init__(connection, head, length)
        self._gateway = gateway
        self._heading = heading = head.meaning or heading_of(head)
        self._request_id = gateway.request_ids.of(heading.given_id)
        # The body so far, for a second try; None once it is too large or the answer has begun.
        self._body: list[bytes] | None = []
        self._body_complete = length == NO_BODY or not length

    # ---- the client's side

    def on_request(self) -> None:
        self._gateway.active.add(self)
        try:
            self._direct()
        except HomeportError as error:
            self.fail(error)

    def on_body(self, data: bytes, last: bool) -> None:
        self._body_complete = last
        self._body_size += len(data)
        if self._body is not None and data:
            self._body.append(data)
        if self._attempt is not None:
            if self._body_size > MAX_BODY:
                self._body = None
            if not self._attempt.send_data(data, last):
                self.connection.want_body(False)
        elif self._awaits_body:
            self._on_awaited_body(last)
        elif not last:
            self.connection.want_body(False)

    def on_body_timeout(self) -> None:
        self.fail(HomeportError(ErrorCode.DEADLINE_EXCEEDED, "the request's body did not arrive in time"))

    def on_writable(self) -> None:
        if self._attempt is not None and self._unconsumed:
            size, self._unconsumed = self._unconsumed, 0
            self._attempt.consumed(size)

    def on_disconnect(self) -> None:
        self._end()

    # ---- routing

    def _direct(self) -> None:
        gateway, heading = self._gateway, self._heading
        if heading.problem is not None:
            self.fail(heading.problem)
            return
        kind, name, _ = heading.to
        if kind == "health":
            self._answer_json(b'{"status":"ok"}')
            return
        principal = gateway.tokens.principal(heading.authorization, self.connection.peer_address)
        if principal is None:
            raise HomeportError(
                ErrorCode.UNAUTHENTICATED,
                "a valid access token is needed",
                hint="send it as 'Authorization: Bearer hp1...'",
            )
        self._tenant = principal.token_id
        self._invoker = invoker = Invoker(principal)
        if kind == "deployment":
            self._accept(gateway.policies.by_deployment(name, invoker.sees))
        elif kind == "body":
            if self.length > MAX_BODY:
                raise too_large()
            self._awaits_body = True
            if self._body_complete:
                self._on_awaited_body(True)
        else:
            table = gateway.policies
            self._answer_json(one_model(table, name, invoker.sees) if name else model_list(table, invoker.may))

    def _on_awaited_body(self, last: bool) -> None:
        try:
            if self._body_size > MAX_BODY:
                if self._policy is None:
                    raise too_large()
                # Only its `model` would have been changed: the client must name it as the model server does.
                self._awaits_body = False
                self._dispatch()
            elif last:
                self._awaits_body = False
                self._with_whole_body(b"".join(self._body or ()))
        except HomeportError as error:
            self.fail(error)

    def _with_whole_body(self, body: bytes) -> None:
        policy = self._policy
        try:
            name = read_model(body)
        except HomeportError:
            if policy is None:
                raise
            # Routed by path or header: what the model server makes of such a body is its business.
        else:
            if policy is None and self._invoker is not None:
                policy = self._gateway.policies.by_model(name, self._invoker.sees)
            if policy is None:
                return
            if policy.served_model_name and policy.served_model_name != name:
                body = with_model(body, policy.served_model_name)
        self._body = [body]
        self.length = len(body)
        self._accept(policy)

    def _accept(self, policy: RoutePolicy) -> None:
        """The deployment is known: begin, unless the body must be here first."""
        if self._policy is None:
            if self._invoker is not None:
                self._invoker.must(policy)
            self._policy = policy
            now = self._gateway.clock()
            limit, own = policy.policy.request_timeout_seconds, self._heading.timeout_seconds
            if limit or own:
                self._deadline = now + min(limit or own, own or limit)
            self._hold_until = now + policy.policy.hold_seconds
            if own:
                self._hold_until = min(self._hold_until, now + own)
            if policy.served_model_name and self.length not in (NO_BODY, 0) and self._renamable():
                self._awaits_body = not self._body_complete
        if not self._awaits_body:
            self._dispatch()

    def _renamable(self) -> bool:
        return self._heading.is_json and self._heading.to.target.startswith(b"/v1/") and self.length <= MAX_BODY

    # ---- nodes

    def _dispatch(self) -> None:
        """Sends the request to a node, parks it, or fails it."""
        policy = self._policy
        if policy is None:
            return
        gateway = self._gateway
        candidates = gateway.presences.candidates(policy.deployment_id)
        hold = False
        while True:
            choice = pick_node(candidates, self._refused | self._busy if self._refused or self._busy else ())
            if choice is None:
                if not self._busy:
                    self._park(policy)
                    return
                # Nobody has room: wait where there may be some first.
                self._busy = frozenset()
                hold = True
                continue
            link = gateway.presences.link(choice.node.node_id)
            if link is not None:
                self._begin(policy, Attempt(link, self, choice.node), hold or choice.hold)
                return
            self._refused |= {choice.node.node_id}

    def _begin(self, policy: RoutePolicy, attempt: Attempt, hold: bool) -> None:
        remaining = 0
        if self._deadline:
            remaining = max(1, int((self._deadline - self._gateway.clock()) * 1000))
        opening = Opening(
            policy.deployment_id,
            policy.revision,
            b"%b%b\r\n" % (self._heading.start, self._request_id),
            self.length,
            remaining,
            hold,
            self._tries,
            "",
            "",
            self._tenant,
            self._heading.wants_progress,
            int(self._parked_seconds * 1000),
        )
        self._tries += 1
        self._attempt = attempt
        complete = self._body_complete
        body = b"".join(self._body) if self._body else b""
        attempt.link.open(attempt, opening, complete and not body)
        self.connection.want_body(attempt.send_data(body, complete) if body else True)

    def _park(self, policy: RoutePolicy) -> None:
        seconds = self._hold_until - self._gateway.clock()
        if seconds > 0 and self._gateway.parking.park(policy.deployment_id, self, seconds):
            self._parked = True
            self._parked_at = self._gateway.clock()
            return
        self._fail_unavailable("too many requests wait for a node" if seconds > 0 else "")

    def on_unparked(self) -> None:
        self._parked = False
        self._parked_seconds += self._gateway.clock() - self._parked_at
        self._refused = frozenset()
        self._dispatch()

    def on_parking_over(self) -> None:
        self._parked = False
        self._fail_unavailable("")

    def _fail_unavailable(self, reason: str) -> None:
        name = self._policy.deployment_id if self._policy else ""
        self.fail(
            HomeportError(
                ErrorCode.UNAVAILABLE,
                f"deployment {name} cannot take the request: {reason or 'none of its nodes is connected'}",
                hint=f"see `homeport deployment get {name}`",
                retry_after_seconds=5,
            )
        )

    # ---- the node's side

    def on_progress(self, progress: Progress) -> None:
        """It still waits, and the caller wants to hear of it."""
        if self._waiting_answer is None:
            self._waiting_answer = WaitingAnswer(self.connection, self._request_id)
        self._waiting_answer.say(progress, self._gateway.clock())

    def on_answer_head(self, status: int, length: int, lines: bytes, last: bool) -> None:
        if not self._gateway.heads.is_good(status, lines):
            self._give_up_attempt(ResetCode.INTERNAL)
            self.fail(HomeportError(ErrorCode.UPSTREAM_FAILED, "the node sent an answer that is no proper HTTP"))
            return
        self._body = None
        self._streams_events = length == UNKNOWN and b"text/event-stream" in lines
        if last:
            self._end()
            if length == UNKNOWN:
                length = 0
        if self._waiting_answer is not None:
            self._waiting_answer.on_head(status, self._streams_events)
            if last:
                self._waiting_answer.on_data(b"", True)
            return
        connection = self.connection
        connection.send_head(status, b"%bx-request-id: %b\r\n" % (lines, self._request_id), length)
        if last:
            connection.send_body(b"", True)

    def on_answer_data(self, data: bytes, last: bool) -> None:
        connection = self.connection
        if not connection.answering:
            self._give_up_attempt(ResetCode.INTERNAL)
            self.fail(HomeportError(ErrorCode.UPSTREAM_FAILED, "the node sent a body before its head"))
            return
        if last:
            self._end()
        if self._waiting_answer is None:
            connection.send_body(data, last)
        elif not self._waiting_answer.on_data(data, last):
            self.fail(HomeportError(ErrorCode.UPSTREAM_FAILED, "the answer can't follow the comments as an event"))
            return
        if not last and self._attempt is not None:
            if connection.write_paused:
                self._unconsumed += len(data)
            else:
                self._attempt.consumed(len(data))

    def on_attempt_refused(self, refusal: Refusal) -> None:
        """Never dispatched: any other node may have it."""
        node = self._forget_attempt()
        if refusal.code == RefusedCode.EXPIRED or self._body is None:
            self._fail_refused(refusal)
            return
        if refusal.code == RefusedCode.BUSY:
            self._busy |= {node}
        else:
            self._refused |= {node}
        candidates = self._gateway.presences.candidates(self._policy.deployment_id) if self._policy else []
        untried = any(c.node_id not in self._refused and c.max_replicas > 0 for c in candidates)
        if untried or refusal.code in _PASSING:
            self._dispatch()
        else:
            self._fail_refused(refusal)

    def on_attempt_lost(self, code: int, reason: str) -> None:
        """Perhaps dispatched."""
        node = self._forget_attempt()
        policy = self._policy
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
            others = self._gateway.presences.candidates(policy.deployment_id)
            if any(other.node_id != node for other in others):
                self._refused |= {node}
            self._dispatch()
        else:
            self.fail(HomeportError(ErrorCode.UPSTREAM_FAILED, f"the model's answer was lost: {reason}"))

    def _fail_refused(self, refusal: Refusal) -> None:
        name = self._policy.deployment_id if self._policy else ""
        self.fail(
            HomeportError(
                ErrorCode.UNAVAILABLE,
                f"deployment {name} cannot take the request: {refusal.reason}",
                hint=f"see `homeport deployment get {name}`",
                retry_after_seconds=refusal.retry_after_seconds or 1,
            )
        )

    # ---- ends

    def check(self, now: float) -> None:
        """Called about every second."""
        if self._deadline and now > self._deadline:
            self.fail(HomeportError(ErrorCode.DEADLINE_EXCEEDED, "the request took longer than it may"))
        elif self._parked and self._heading.wants_progress:
            self.on_progress(_NO_NODE)

    def fail(self, error: HomeportError) -> None:
        """A typed error where an answer is still possible, else an end that no client takes for a whole answer."""
        if error.code in _DENIALS:
            self._note_denial(error)
        self._end()
        connection = self.connection
        if connection.answering:
            if self._streams_events or self._waiting_answer is not None:
                connection.send_body(event(error, self._request_id.decode()), False)
            connection.cut()
            return
        self.answer(*render(error, self._request_id.decode()))

    def _note_denial(self, error: HomeportError) -> None:
        """Who has sent no token at all is not denied, but asked for one."""
        tell, heading = self._gateway.on_denied, self._heading
        if tell is None or heading.authorization is None:
            return
        request = f"{self.head.method.decode()} {self.head.path.decode('latin-1')}"
        address, request_id = self.connection.peer_address(), self._request_id.decode()
        tell(Denial(self._tenant, address, request_id, request, error.code, error.message))

    def _answer_json(self, body: bytes) -> None:
        self._end()
        self.answer(200, b"content-type: application/json\r\nx-request-id: %b\r\n" % self._request_id, body)

    def _forget_attempt(self) -> str:
        attempt, self._attempt = self._attempt, None
        self._unconsumed = 0
        return attempt.node.node_id if attempt is not None else ""

    def _give_up_attempt(self, code: ResetCode) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.node.attempts.discard(attempt)
            attempt.reset(code)

    def _end(self) -> None:
        self._gateway.active.discard(self)
        if self._attempt is not None:
            self._give_up_attempt(ResetCode.CANCELLED)
        if self._parked and self._policy is not None:
            self._parked = False
            self._gateway.parking.leave(self._policy.deployment_id, self)
