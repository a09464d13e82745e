"""Who may speak for a node, from what is remembered of its certificates. Serials are hex; times are unix seconds."""

from dataclasses import dataclass
from enum import StrEnum


class Refusal(StrEnum):
    """Why a certificate is not taken. Each has one fixed reaction of the agent: agent/link/silence.py."""

    EXPIRED = "EXPIRED"
    NOT_ENROLLED = "NOT_ENROLLED"
    LOCKED = "LOCKED"
    SUPERSEDED = "SUPERSEDED"
    CLONE = "CLONE"
    MUST_REENROL = "MUST_REENROL"


EXPLANATIONS = {
    Refusal.EXPIRED: "the certificate has expired",
    Refusal.NOT_ENROLLED: "this node is not known here; join again with a new token",
    Refusal.LOCKED: "an administrator locked this node",
    Refusal.SUPERSEDED: "a newer session of this node exists",
    Refusal.CLONE: "this identity is in use elsewhere, or older than the one that was used last",
    Refusal.MUST_REENROL: "this certificate was not issued here; join again with a new token",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate that a peer has shown. `begins_at` and `ends_at` are its validity, in whole seconds."""

    node_id: str
    serial: str
    begins_at: float
    ends_at: float


@dataclass(frozen=True, slots=True)
class Serial:
    number: str
    begins_at: float


@dataclass(frozen=True, slots=True)
class Certificates:
    """Of one node. `current` was used last; `next` was issued and not used yet, so both are good. `previous` may
    finish what it has open."""

    current: Serial
    next: Serial | None = None
    previous: str = ""

    def admits(self, shown: Shown) -> bool:
        """Whether the peer may open something. An older one than `current` is that of a copy."""
        return (
            shown.serial == self.current.number
            or (self.next is not None and shown.serial == self.next.number)
            or self._is_newer(shown)
        )

    def keeps(self, shown: Shown) -> bool:
        """Whether what is open may go on."""
        return self.admits(shown) or shown.serial == self.previous

    def used(self, shown: Shown) -> "Certificates":
        """After the first use of `next` the one before is over."""
        if shown.serial == self.current.number or not self.admits(shown):
            return self
        return Certificates(Serial(shown.serial, shown.begins_at), None, self.current.number)

    def issued(self, serial: Serial) -> "Certificates":
        return Certificates(self.current, serial, self.previous)

    def _is_newer(self, shown: Shown) -> bool:
        """It was issued after all that is known: this store is an older copy, and knows less than its agents."""
        known = max(self.current.begins_at, self.next.begins_at if self.next is not None else 0.0)
        return shown.begins_at > known


@dataclass(frozen=True, slots=True)
class NodeAccess:
    """`certificates` is None for a node of a release that kept none: its first use says which."""

    certificates: Certificates | None = None
    locked: bool = False


def refusal(access: NodeAccess | None, shown: Shown, now: float) -> Refusal | None:
    """Of a peer that wants to open something. `access` is None for an unknown node."""
    standing = _standing(access, shown, now)
    if standing is None and access is not None and access.certificates is not None:
        return None if access.certificates.admits(shown) else Refusal.CLONE
    return standing


def refusal_of_open(access: NodeAccess | None, shown: Shown, now: float) -> Refusal | None:
    """Of a peer that has something open, at each message of it."""
    standing = _standing(access, shown, now)
    if standing is None and access is not None and access.certificates is not None:
        return None if access.certificates.keeps(shown) else Refusal.SUPERSEDED
    return standing


def refusal_of_recovery(access: NodeAccess | None, shown: Shown) -> Refusal | None:
    """Of a host that proves to hold the key of a certificate, which may have expired."""
    return refusal(access, shown, min(shown.begins_at, shown.ends_at))


def _standing(access: NodeAccess | None, shown: Shown, now: float) -> Refusal | None:
    if access is None:
        return Refusal.NOT_ENROLLED
    if access.locked:
        return Refusal.LOCKED
    return Refusal.EXPIRED if now >= shown.ends_at else None
