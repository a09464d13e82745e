"""One client request: who asks, for which deployment, and what is answered."""

import json

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.rollout.track import deployment_of
from homeport.gateway.callers.denial import Denial
from homeport.gateway.callers.invocation import NOBODY, Invoker
from homeport.gateway.errors import event, render
from homeport.gateway.routing.direction import Kind
from homeport.gateway.routing.form_model import FormModel
from homeport.gateway.routing.inference_protocol import repository_index, server_metadata
from homeport.gateway.routing.json_beginning import model_in_beginning
from homeport.gateway.routing.model_field import MAX_BODY, read_model, too_large, with_model
from homeport.gateway.routing.model_list import model_list, one_model
from homeport.gateway.routing.routes import RoutePolicy
from homeport.gateway.telemetry.observed import Observed
from homeport.gateway.waiting_answer import WaitingAnswer
from homeport.http1.head import UNKNOWN
from homeport.http_status import HTTP_STATUS
from homeport.tunnel.frames import Progress, ResetCode

_DENIALS = frozenset((ErrorCode.UNAUTHENTICATED, ErrorCode.PERMISSION_DENIED))
# As in callers.invocation: it is named with each request.
_CANCELLED = ResetCode.CANCELLED
_NO_NODE = Progress(0, "waiting for a node to connect")


class GatewayRequest(Observed):
    # Defaults stand here: most requests change few of them.
    _invoker = NOBODY
    # All of it must be here first: to read or to change its `model`.
    _awaits_body = False
    # Where its `model` is looked for while it comes.
    _form: FormModel | None = None
    # Its body was looked into.
    _is_named = False
    _streams_events = False
    _waiting_answer: WaitingAnswer | None = None

    # ---- the client's side

    def on_request(self) -> None:
        self._gateway.active.add(self)
        self.note_begin()
        try:
            self._direct()
        except HomeportError as error:
            self.fail(error)

    def on_body(self, data: bytes, last: bool) -> None:
        self._body_complete = last
        self._request_bytes += len(data)
        if self._body is not None and data:
            self._body.append(data)
        if self._attempt is not None:
            if self._request_bytes > MAX_BODY:
                self._body = None
            if last and self._trailers:
                self._attempt.send_trailers(self._trailers)
            elif not self._attempt.send_data(data, last):
                self.connection.want_body(False)
        elif self._awaits_body:
            self._on_awaited_body(last)
        elif not last:
            self.connection.want_body(False)

    def on_trailers(self, block: bytes) -> None:
        self._trailers = block

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
        kind, name = heading.to.kind, heading.to.name
        if kind == "health":
            self._answer_json(b'{"status":"ok"}')
            return
        invoker = self._identify()
        if kind == "deployment":
            self._accept(self._admit(gateway.policies.by_deployment(name, invoker.sees)))
        elif kind == "body":
            self._await_name()
        elif kind == "model" or kind == "default":
            self._accept(self._unnamed())
        else:
            self._answer_json(self._listing(kind, name, invoker))

    def _listing(self, kind: Kind, name: str, invoker: Invoker) -> bytes:
        table = self._gateway.policies
        if kind == "server":
            return server_metadata()
        if kind == "index":
            return repository_index(table, invoker.may, self._gateway.presences.is_ready)
        return one_model(table, name, invoker.sees) if name else model_list(table, invoker.may)

    def _unnamed(self, otherwise: HomeportError | None = None) -> RoutePolicy:
        """Of a request whose body names none: the target does, or there is one only, or it is an error."""
        policies, name = self._gateway.policies, self._heading.to.name
        if name:
            return self._admit(policies.by_model(name, self._invoker.sees))
        try:
            policy = policies.only(self._invoker.may)
        except HomeportError as error:
            if otherwise is not None and error.code is ErrorCode.CONFLICT:
                raise otherwise from None
            raise
        return self._admit(policy)

    def _await_name(self) -> None:
        if self._body_complete:
            self._accept(self._unnamed())
        elif self._heading.boundary:
            self._form = FormModel(self._heading.boundary)
            self._awaits_body = True
        else:
            self._awaits_body = True

    def _identify(self) -> Invoker:
        """Raises UNAUTHENTICATED, TOO_MANY_REQUESTS."""
        invoker = self._gateway.tokens.invoker(self._heading.authorization, self.client_address)
        if invoker is None:
            raise HomeportError(
                ErrorCode.UNAUTHENTICATED,
                "a valid access token is needed",
                hint="send it as 'Authorization: Bearer hp1...'",
            )
        self._tenant = invoker.principal.token_id
        self._limits = invoker.principal.limits
        self._invoker = invoker
        return invoker

    def _on_awaited_body(self, last: bool) -> None:
        try:
            if self._form is not None:
                self._look_into_form(self._form, last)
            elif self._request_bytes > MAX_BODY:
                self._awaits_body, self._is_named = False, True
                self._with_beginning(b"".join(self._body or ()))
            elif last:
                self._awaits_body = False
                self._with_whole_body(b"".join(self._body or ()))
        except HomeportError as error:
            self.fail(error)

    def _with_whole_body(self, body: bytes) -> None:
        policy = self._policy
        name = ""
        try:
            name = read_model(body)
        except HomeportError:
            # Routed by path or header, or no JSON by its own words: what a model server makes of it is its business.
            if policy is None and not self._heading.says_other:
                raise
        if policy is None:
            policy = self._by_name(name)
        if name and policy.served_model_name and policy.served_model_name != name:
            body = with_model(body, policy.served_model_name)
        self._body = [body]
        self.length = len(body)
        # They need a chunked body.
        self._trailers = b""
        self._accept(policy)

    def _with_beginning(self, body: bytes) -> None:
        name, start, end = model_in_beginning(body)
        policy = self._policy or self._by_name(name, too_large())
        if name and policy.served_model_name:
            body = b"".join((body[:start], json.dumps(policy.served_model_name).encode(), body[end:]))
            if self.length != UNKNOWN:
                self.length += len(body) - self._request_bytes
        self._body = [body]
        self._accept(policy)

    def _look_into_form(self, form: FormModel, last: bool) -> None:
        for piece in self._body or ():
            form.feed(piece)
        self._body = []
        if not (form.is_decided or last or self._request_bytes > MAX_BODY):
            return
        self._awaits_body, self._form, self._is_named = False, None, True
        cut_short = not form.is_decided and not last
        policy = self._policy or self._by_name(form.model, too_large() if cut_short else None)
        body = form.body(policy.served_model_name)
        if self.length != UNKNOWN:
            self.length += len(body) - self._request_bytes
        self._body = [body]
        self._accept(policy)

    def _by_name(self, name: str, otherwise: HomeportError | None = None) -> RoutePolicy:
        if not name:
            return self._unnamed(otherwise)
        return self._admit(self._gateway.policies.by_model(name, self._invoker.sees))

    def _admit(self, policy: RoutePolicy) -> RoutePolicy:
        """What the request goes by: its deployment's, or one revision's. Raises PERMISSION_DENIED, NOT_FOUND."""
        self._invoker.must(policy)
        self.note_deployment(policy.deployment_id)
        if self._heading.wants_timing:
            self._shows_timing = self._invoker.may_see_timing(policy)
        if policy.revisions or self._heading.revision:
            return self.to_revision(policy)
        return policy

    def _accept(self, policy: RoutePolicy) -> None:
        """The deployment is known: begin, unless the body must be here first."""
        if self._policy is None:
            self._policy = policy
            now = self._gateway.clock()
            limit, own = policy.policy.request_timeout_seconds, self._heading.timeout_seconds
            if limit or own:
                self._deadline = now + min(limit or own, own or limit)
            self._hold_until = now + policy.policy.hold_seconds
            if own:
                self._hold_until = min(self._hold_until, now + own)
            if policy.served_model_name:
                self._rename(policy.served_model_name)
        if not self._awaits_body:
            self.begin()

    def _rename(self, model: str) -> None:
        """What leads to the model here is not what its server calls it."""
        heading = self._heading
        if heading.to.named_at[1]:
            self._heading = heading.with_model(model)
        if self._body_complete or self._is_named or not heading.to.target.startswith(b"/v1/"):
            return
        if heading.boundary:
            self._form = FormModel(heading.boundary)
        self._awaits_body = bool(heading.boundary) or heading.is_json

    # ---- the node's side

    def on_progress(self, progress: Progress) -> None:
        if self._waiting_answer is None:
            self._waiting_answer = WaitingAnswer(self.connection, self._request_id)
        self._waiting_answer.say(progress, self._gateway.clock())

    def on_answer_head(self, status: int, length: int, lines: bytes, last: bool) -> None:
        if self._sent_at:
            lines = self.without_timing(lines)
        if not self._gateway.heads.is_good(status, lines):
            self.give_up_attempt(ResetCode.INTERNAL)
            self.fail(HomeportError(ErrorCode.UPSTREAM_FAILED, "the node sent an answer that is no proper HTTP"))
            return
        self._body = None
        self._streams_events = length == UNKNOWN and b"text/event-stream" in lines
        self.note_answer(status)
        if self._charge is not None:
            lines += self._charge.head(lines)
        if self._shows_timing:
            self.tell_timing()
        if last:
            # It has ended by itself.
            self._attempt = None
            self._end(is_answered=True)
            if length == UNKNOWN:
                length = 0
        if self._waiting_answer is not None:
            self._waiting_answer.on_head(status, self._streams_events)
            if last:
                self._waiting_answer.on_data(b"", True)
            return
        connection = self.connection
        block = b"".join((lines, self._own_lines, b"x-request-id: ", self._request_id, b"\r\n"))
        connection.send_head(status, block, length)
        if last:
            connection.send_body(b"", True)

    def on_answer_data(self, data: bytes, last: bool) -> None:
        connection = self.connection
        if not connection.answering:
            self.give_up_attempt(ResetCode.INTERNAL)
            self.fail(HomeportError(ErrorCode.UPSTREAM_FAILED, "the node sent a body before its head"))
            return
        self._response_bytes += len(data)
        if self._streams_events:
            self.note_chunk()
        if self._charge is not None:
            self._charge.read(data)
        if last:
            self._attempt = None
            self._end(is_answered=True)
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

    def on_answer_trailers(self, block: bytes) -> None:
        if self._gateway.heads.is_good_block(block) and self._waiting_answer is None:
            self.connection.send_trailers(block)

    # ---- ends

    def check(self, now: float) -> None:
        """Called about every second."""
        if self._deadline and now > self._deadline:
            self.give_up_attempt(ResetCode.TIMEOUT)
            self.fail(HomeportError(ErrorCode.DEADLINE_EXCEEDED, "the request took longer than it may"))
        elif self._parked and self._heading.wants_progress:
            self.on_progress(_NO_NODE)
        else:
            super().check(now)

    def fail(self, error: HomeportError) -> None:
        """A typed error where an answer is still possible, else an end that no client takes for a whole answer."""
        if error.code in _DENIALS:
            self._note_denial(error)
        connection = self.connection
        if not connection.answering:
            self._status = HTTP_STATUS[error.code]
        self._end(error)
        if connection.answering:
            self._break_off(error)
        else:
            self._tell(error)

    def _tell(self, error: HomeportError) -> None:
        """As the answer."""
        self.answer(*render(error, self._request_id.decode(), self._heading.to.target))

    def _break_off(self, error: HomeportError) -> None:
        """In the middle of an answer."""
        connection = self.connection
        if self._streams_events or self._waiting_answer is not None:
            connection.send_body(event(error, self._request_id.decode()), False)
        connection.cut()

    def _note_denial(self, error: HomeportError) -> None:
        """Who has sent no token at all is not denied, but asked for one."""
        tell, heading = self._gateway.on_denied, self._heading
        if tell is None or heading.authorization is None:
            return
        request = f"{self.head.method.decode()} {self.head.path.decode('latin-1')}"
        address, request_id = self.client_address(), self._request_id.decode()
        tell(Denial(self._tenant, address, request_id, request, error.code, error.message))

    def _answer_json(self, body: bytes) -> None:
        self._status = 200
        self._response_bytes = len(body)
        self._end(is_answered=True)
        self.answer(200, b"content-type: application/json\r\nx-request-id: %b\r\n" % self._request_id, body)

    def _end(self, error: HomeportError | None = None, *, is_answered: bool = False) -> None:
        active = self._gateway.active
        if self in active:
            active.remove(self)
            self.note_end(error, is_answered)
            if self._limits is not None:
                self.settle()
            if self._gateway.room.is_crowded:
                self._gateway.room.left(self, len(active))
        if self._attempt is not None:
            self.give_up_attempt(_CANCELLED)
        if self._parked and self._policy is not None:
            self._leave_parking()
            self._gateway.parking.leave(deployment_of(self._policy.deployment_id), self)
