"""What a request's head says of where it goes."""

from typing import Literal, NamedTuple

from homeport.core.errors import ErrorCode, HomeportError
from homeport.http1.head import RequestHead

DEPLOYMENT_HEADER = b"x-homeport-deployment"
# To this one of the revisions that run side by side.
REVISION_HEADER = b"x-homeport-revision"
# "true": the caller reads a stream of events, and likes to hear how its waiting goes.
PROGRESS_HEADER = b"x-homeport-progress"
# The request's own deadline, in seconds: either name, the shorter of both.
TIMEOUT_HEADERS = (b"x-request-timeout", b"x-homeport-timeout")
_PREFIX = b"/d/"
_MODELS = b"/v1/models"


# "deployment": to the one that header or path names; "body": to the one that the body's `model` leads to.
Kind = Literal["health", "models", "deployment", "body"]


class Direction(NamedTuple):
    """`name`: of the deployment, or of the one model asked for; `target`: what the model server gets."""

    kind: Kind
    name: str
    target: bytes


def direction_of(head: RequestHead, header: bytes | None) -> Direction:
    """`header`: the value of X-Homeport-Deployment. Raises HomeportError(NOT_FOUND, METHOD_NOT_ALLOWED)."""
    if header is not None:
        return Direction("deployment", header.decode("latin-1"), head.target)
    path = head.path
    if path.startswith(_PREFIX):
        name = path[len(_PREFIX) :].partition(b"/")[0]
        rest = head.target[len(_PREFIX) + len(name) :]
        return Direction("deployment", name.decode(), rest if rest.startswith(b"/") else b"/" + rest)
    if path == b"/healthz":
        return Direction("health", "", head.target)
    if path == _MODELS or path.startswith(_MODELS + b"/"):
        if head.method not in (b"GET", b"HEAD"):
            raise HomeportError(ErrorCode.METHOD_NOT_ALLOWED, f"{_text(path)} takes GET only")
        return Direction("models", _text(path[len(_MODELS) + 1 :]), head.target)
    if not path.startswith(b"/v1/"):
        raise HomeportError(
            ErrorCode.NOT_FOUND,
            f"nothing is served at {_text(path)}",
            hint="use /v1/..., /d/{deployment}/..., or name the deployment in the X-Homeport-Deployment header",
        )
    if head.method != b"POST":
        raise HomeportError(
            ErrorCode.METHOD_NOT_ALLOWED,
            f"{_text(path)} takes POST only",
            hint="for other methods name the deployment: /d/{deployment}/... or the X-Homeport-Deployment header",
        )
    return Direction("body", "", head.target)


def _text(path: bytes) -> str:
    return path.decode("latin-1")
