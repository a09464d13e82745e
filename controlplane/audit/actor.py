"""Who acts in this task: set where a request comes in, read where it is written."""

from contextvars import ContextVar
from dataclasses import dataclass, replace

_LONGEST_REQUEST = 300


@dataclass(frozen=True, slots=True)
class Actor:
    """`subject` is `user/admin`, `join-token/ID`, ..., empty as long as it is unknown. `address` is the connection's:
    behind a proxy the proxy's."""

    subject: str = ""
    token_id: str = ""
    address: str = ""
    request_id: str = ""
    request: str = ""
    # (kind, id) of whom it has tried to be, where that is known; None = it has shown nothing to be anybody.
    tried: tuple[str, str] | None = None


_ACTOR: ContextVar[Actor | None] = ContextVar("actor", default=None)


def current_actor() -> Actor | None:
    """None = the control plane itself."""
    return _ACTOR.get()


def actor() -> Actor:
    return _ACTOR.get() or Actor()


def begin(address: str, request_id: str, request: str) -> None:
    """A new request of whoever it turns out to be."""
    _ACTOR.set(Actor(address=address, request_id=request_id, request=request[:_LONGEST_REQUEST]))


def recognised(subject: str, token_id: str) -> None:
    _ACTOR.set(replace(actor(), subject=subject, token_id=token_id))


def tried(kind: str = "", id: str = "") -> None:
    """What it shows is about to be looked at: a refusal belongs into the audit log."""
    _ACTOR.set(replace(actor(), tried=(kind, id)))
