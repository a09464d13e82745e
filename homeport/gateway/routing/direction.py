"""What a request's head says of where it goes."""

import re
from typing import Literal, NamedTuple
from urllib.parse import quote, unquote, unquote_plus

from homeport.core.errors import ErrorCode, HomeportError
from homeport.http1.head import RequestHead

DEPLOYMENT_HEADER = b"x-homeport-deployment"
# To this one of the revisions that run side by side.
REVISION_HEADER = b"x-homeport-revision"
# "true": the caller likes to know where the time went, which it is told if it may see the deployment.
TIMING_HEADER = b"x-homeport-timing"
# "true": the caller reads a stream of events, and likes to hear how its waiting goes.
PROGRESS_HEADER = b"x-homeport-progress"
# The request's own deadline, in seconds: as the rest of the world calls it, and as only this gateway does.
TIMEOUT_HEADERS = (b"x-request-timeout", b"x-homeport-timeout")
_PREFIX = b"/d/"
_MODELS = b"/v1/models"
# Of the Open Inference Protocol; models may be asked whatever they understand.
_V2_HEALTH = frozenset((b"/v2/health/live", b"/v2/health/ready"))
_V2_SERVER = frozenset((b"/v2", b"/v2/"))
_V2_INDEX = b"/v2/repository/index"
_WITH_BODY = frozenset((b"POST", b"PUT", b"PATCH"))
# Where a target names its model: a segment of a path, or a parameter.
_NAMED_MODEL = re.compile(rb"/v2/models/([^/?]+)|/v1/[^?]*\?(?:[^&]*&)*?model=([^&]+)")

# "deployment": to the one that header or path names; "model": to the one that the model in the target leads to; "body":
# to the one that the body's `model` leads to, or else that in the target; "message": to the one that a model's name in
# the first message of gRPC leads to; "default": nothing names one. The others are answered here.
Kind = Literal["health", "models", "server", "index", "deployment", "model", "body", "message", "default"]


class Direction(NamedTuple):
    """`name`: of the deployment or model, if any; `target`: what the model server gets; `named_at`: from where to where
    in it a model is named."""

    kind: Kind
    name: str
    target: bytes
    named_at: tuple[int, int] = (0, 0)

    def with_model(self, name: str) -> "Direction":
        """The target names this one, if it names any."""
        start, end = self.named_at
        if not end:
            return self
        target = self.target[:start] + quote(name, safe="").encode() + self.target[end:]
        return self._replace(target=target, named_at=(0, 0))


def direction_of(head: RequestHead, header: bytes | None) -> Direction:
    """`header`: the value of X-Homeport-Deployment. Raises HomeportError(NOT_FOUND, METHOD_NOT_ALLOWED)."""
    if header is not None:
        return Direction("deployment", header.decode("latin-1"), head.target, _named_model(head.target)[1])
    path = head.path
    if path.startswith(_PREFIX):
        name = path[len(_PREFIX) :].partition(b"/")[0]
        rest = head.target[len(_PREFIX) + len(name) :]
        target = rest if rest.startswith(b"/") else b"/" + rest
        return Direction("deployment", name.decode(), target, _named_model(target)[1])
    if path.startswith(b"/v1/"):
        return _of_v1(head)
    if path == b"/v2" or path.startswith(b"/v2/"):
        return _of_v2(head)
    if path == b"/healthz":
        return Direction("health", "", head.target)
    raise _nowhere(path)


def _of_v1(head: RequestHead) -> Direction:
    path = head.path
    if path == _MODELS or path.startswith(_MODELS + b"/"):
        if head.method not in (b"GET", b"HEAD"):
            raise HomeportError(ErrorCode.METHOD_NOT_ALLOWED, f"{_text(path)} takes GET only")
        return Direction("models", _text(path[len(_MODELS) + 1 :]), head.target)
    name, named_at = _named_model(head.target)
    if head.method in _WITH_BODY:
        return Direction("body", name, head.target, named_at)
    return Direction("model" if name else "default", name, head.target, named_at)


def _of_v2(head: RequestHead) -> Direction:
    path = head.path
    if path in _V2_HEALTH:
        return Direction("health", "", head.target)
    if path in _V2_SERVER:
        return Direction("server", "", head.target)
    if path == _V2_INDEX:
        return Direction("index", "", head.target)
    name, named_at = _named_model(head.target)
    if not name:
        raise _nowhere(path)
    return Direction("model", name, head.target, named_at)


def _named_model(target: bytes) -> tuple[str, tuple[int, int]]:
    found = _NAMED_MODEL.match(target)
    if found is None:
        return "", (0, 0)
    if found[1] is not None:
        return unquote(_text(found[1])), found.span(1)
    return unquote_plus(_text(found[2])), found.span(2)


def _nowhere(path: bytes) -> HomeportError:
    return HomeportError(
        ErrorCode.NOT_FOUND,
        f"nothing is served at {_text(path)}",
        hint="use /v1/..., /v2/models/{model}/..., /d/{deployment}/..., or name the deployment in the"
        " X-Homeport-Deployment header",
    )


def _text(path: bytes) -> str:
    return path.decode("latin-1")
