"""A gRPC call: routed, counted, retried and refused as every request; of its messages only the model's name is read."""

import struct
from typing import TYPE_CHECKING

from homeport import __version__
from homeport.core.errors import ErrorCode, HomeportError
from homeport.gateway.http2.grpc_heading import GrpcHeading, names_a_model
from homeport.gateway.http2.grpc_status import CONTENT_TYPE, OK_LINES, status_lines
from homeport.gateway.request import GatewayRequest
from homeport.gateway.routing.model_names import ModelNames
from homeport.gateway.routing.routes import RoutePolicy
from homeport.http1.exchange import ClientSide
from homeport.http1.head import UNKNOWN, RequestHead

if TYPE_CHECKING:
    from homeport.gateway.gateway import Gateway

_TRUE = b"\x08\x01"
# HealthCheckResponse{SERVING}, and what ServerLive, ServerReady and ServerMetadata are answered.
_ANSWERS = {
    "": _TRUE,
    "ServerLive": _TRUE,
    "ServerReady": _TRUE,
    "ServerMetadata": b"".join(
        bytes((tag, len(text))) + text for tag, text in ((0x0A, b"homeport"), (0x12, __version__.encode()))
    ),
}


class GrpcRequest(GatewayRequest):
    _http2 = True
    _names: ModelNames | None = None
    # What the first message leads to, until its beginning has gone there.
    _found: RoutePolicy | None = None
    # Of deployment and model: the model server may have another.
    _our_names: tuple[str, ...] = ()
    # It is answered here once it is whole.
    _answer_here: bytes | None = None

    def __init__(self, connection: ClientSide, head: RequestHead, length: int, gateway: "Gateway") -> None:
        if head.meaning is None:
            head.meaning = GrpcHeading(head)
        # With another name in it a message is of another length.
        super().__init__(connection, head, UNKNOWN if length > 0 else length, gateway)

    # ---- the client's side

    def on_body(self, data: bytes, last: bool) -> None:
        if self._answer_here is not None:
            if last:
                self._answer(self._answer_here)
            return
        try:
            self._on_messages(data, last)
        except HomeportError as error:
            self.fail(error)

    def on_body_timeout(self) -> None:
        """A call may say nothing for as long as it likes, once it has said where it goes."""
        if self._policy is None:
            super().on_body_timeout()

    # ---- routing

    def _direct(self) -> None:
        heading = self._heading
        if heading.problem is not None:
            # Not raised: other calls share it, and would keep the frames of this one.
            self.fail(heading.problem)
            return
        kind, name = heading.to.kind, heading.to.name
        if kind == "health":
            self._answer_when_whole("")
            return
        invoker = self._identify()
        if kind == "server":
            self._answer_when_whole(name)
            return
        if names_a_model(self.head.path):
            self._names = ModelNames(self._rename_model)
        if kind == "deployment":
            self._accept(self._admit(self._gateway.policies.by_deployment(name, invoker.sees)))
        elif kind == "default":
            self._accept(self._unnamed())
        elif self._body_complete:
            raise _nameless()

    def _on_messages(self, data: bytes, last: bool) -> None:
        names = self._names
        if names is not None:
            data = names.feed(data)
            if last and names.holds:
                raise HomeportError(ErrorCode.INVALID_ARGUMENT, "the last message is cut off")
        if self._policy is None:
            found = self._found
            if found is None:
                if last:
                    raise _nameless()
                return
            self._body_complete = last
            self._request_bytes += len(data)
            self._body = [data] if data else []
            self._accept(self._admit(found))
        elif data or last:
            super().on_body(data, last)
        if names is not None and not names.holds and self._policy is not None and not self._policy.served_model_name:
            self._names = None

    def _rename_model(self, name: str) -> str | None:
        policy = self._policy or self._found
        if policy is None:
            if not name:
                raise _nameless()
            policy = self._found = self._gateway.policies.by_model(name, self._invoker.sees)
            self._our_names = policy.deployment_id, policy.model_id
        # Other models of the same server keep their names.
        return policy.served_model_name or None if name in self._our_names else None

    def _admit(self, policy: RoutePolicy) -> RoutePolicy:
        self._our_names = policy.deployment_id, policy.model_id
        return super()._admit(policy)

    # ---- answers

    def _answer_when_whole(self, kind: str) -> None:
        self._answer_here = _ANSWERS[kind]
        if self._body_complete:
            self._answer(self._answer_here)

    def _answer(self, message: bytes) -> None:
        self._status = 200
        self._response_bytes = len(message)
        self._end(is_answered=True)
        connection = self.connection
        connection.send_head(200, b"%bx-request-id: %b\r\n" % (CONTENT_TYPE, self._request_id), UNKNOWN)
        connection.send_body(struct.pack("!BI", 0, len(message)) + message, False)
        connection.send_trailers(OK_LINES)
        connection.send_body(b"", True)

    def _tell(self, error: HomeportError) -> None:
        head = b"%b%bx-request-id: %b\r\n" % (CONTENT_TYPE, status_lines(error), self._request_id)
        self.answer(200, head, b"")

    def _break_off(self, error: HomeportError) -> None:
        self.connection.send_trailers(status_lines(error))
        self.connection.send_body(b"", True)


def _nameless() -> HomeportError:
    return HomeportError(
        ErrorCode.INVALID_ARGUMENT,
        "the first message names no model, or is compressed",
        hint="set model_name to a deployment or a model, or name the deployment in the metadata x-homeport-deployment",
        path="model_name",
    )
