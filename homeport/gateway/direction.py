"""What a request's head says of where it goes."""

from dataclasses import dataclass
from enum import Enum, auto

from homeport.core.errors import ErrorCode, HomeportError
from homeport.http1.head import RequestHead

DEPLOYMENT_HEADER = b"x-homeport-deployment"
_PREFIX = b"/d/"
_MODELS = b"/v1/models"


class Kind(Enum):
    HEALTH = auto()
    MODELS = auto()
    # To a deployment that header or path names.
    DEPLOYMENT = auto()
    # To the one that the body's `model` leads to.
    BODY = auto()


@dataclass(frozen=True, slots=True)
class Direction:
    """`name`: of the deployment, or of the one model asked for; `target`: what the model server gets."""

    kind: Kind
    name: str
    target: bytes


def direction_of(head: RequestHead, header: bytes | None) -> Direction:
    """`header`: the value of X-Homeport-Deployment. Raises HomeportError(NOT_FOUND, METHOD_NOT_ALLOWED)."""
    if header is not None:
        return Direction(Kind.DEPLOYMENT, header.decode("latin-1"), head.target)
    path = head.path
    if path.startswith(_PREFIX):
        name = path[len(_PREFIX) :].partition(b"/")[0]
        rest = head.target[len(_PREFIX) + len(name) :]
        return Direction(Kind.DEPLOYMENT, name.decode(), rest if rest.startswith(b"/") else b"/" + rest)
    if path == b"/healthz":
        return Direction(Kind.HEALTH, "", head.target)
    if path == _MODELS or path.startswith(_MODELS + b"/"):
        if head.method not in (b"GET", b"HEAD"):
            raise HomeportError(ErrorCode.METHOD_NOT_ALLOWED, f"{_text(path)} takes GET only")
        return Direction(Kind.MODELS, _text(path[len(_MODELS) + 1 :]), head.target)
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
    return Direction(Kind.BODY, "", head.target)


def _text(path: bytes) -> str:
    return path.decode("latin-1")
