"""The head of a gRPC call: its deadline, and where its path leads."""

import re

from homeport.core.errors import ErrorCode, HomeportError
from homeport.gateway.routing.direction import Direction
from homeport.gateway.routing.heading import Heading
from homeport.http1.head import RequestHead

_TIMEOUT_HEADER = b"grpc-timeout"
_TIMEOUT = re.compile(rb"(\d{1,8})([HMSmun])")
_SECONDS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
# The Open Inference Protocol v2, with what Triton adds.
_INFERENCE = b"/inference.GRPCInferenceService/"
# Their first field is the model's name.
_NAMED = frozenset(
    _INFERENCE + b"Model" + verb for verb in (b"Infer", b"StreamInfer", b"Ready", b"Metadata", b"Config", b"Statistics")
)
_OF_SERVER = frozenset(_INFERENCE + name for name in (b"ServerLive", b"ServerReady", b"ServerMetadata"))
# Not that of gRPC-Web.
_CONTENT_TYPE = b"application/grpc"
_WITH_MORE = (_CONTENT_TYPE + b"+", _CONTENT_TYPE + b";")
_HEALTH = b"/grpc.health.v1.Health/Check"


def is_grpc(head: RequestHead) -> bool:
    kind = next((value for name, value in head.fields if name == b"content-type"), b"")
    return head.method == b"POST" and (kind == _CONTENT_TYPE or kind.startswith(_WITH_MORE))


def names_a_model(path: bytes) -> bool:
    return path in _NAMED


class GrpcHeading(Heading):
    __slots__ = ()
    # The agent says what remains of the deadline.
    not_forwarded = Heading.not_forwarded | {_TIMEOUT_HEADER}

    def __init__(self, head: RequestHead) -> None:
        super().__init__(head)
        # That is a stream of events.
        self.wants_progress = False

    def _timeout(self, fields: dict[bytes, bytes]) -> float:
        own, given = super()._timeout(fields), fields.get(_TIMEOUT_HEADER)
        if given is None:
            return own
        read = _TIMEOUT.fullmatch(given)
        if read is None:
            raise HomeportError(ErrorCode.INVALID_ARGUMENT, "grpc-timeout is no number of at most 8 digits with a unit")
        # 0 would mean that there is none.
        seconds = max(1e-9, int(read[1]) * _SECONDS[read[2]])
        return min(own or seconds, seconds)

    def _direction(self, head: RequestHead, deployment: bytes | None) -> Direction:
        if deployment is not None:
            return Direction("deployment", deployment.decode("latin-1"), head.target)
        if head.path == _HEALTH:
            return Direction("health", "", head.target)
        if head.path in _OF_SERVER:
            return Direction("server", head.path[len(_INFERENCE) :].decode(), head.target)
        return Direction("message" if head.path in _NAMED else "default", "", head.target)
