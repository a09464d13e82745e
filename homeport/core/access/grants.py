"""What somebody may do, and the decision over one request."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from homeport.core.access.permission import Permission
from homeport.core.access.role import PERMISSIONS, Role
from homeport.core.access.scope import ORGANISATION, Place, Scope


@dataclass(frozen=True, slots=True)
class Grant:
    role: Role
    scope: Scope


class Verdict(StrEnum):
    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"  # 403: it may be seen, but not this
    HIDDEN = "hidden"  # 404: that it exists is not to be told


@dataclass(frozen=True, slots=True)
class Grants:
    """`limit` is what a token is narrowed to at most; None = whatever its owner may do."""

    grants: tuple[Grant, ...] = ()
    limit: frozenset[Permission] | None = None
    _scopes: dict[Permission, frozenset[Scope]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        scopes: dict[Permission, set[Scope]] = {}
        for grant in self.grants:
            for permission in PERMISSIONS[grant.role]:
                if self.limit is None or permission in self.limit:
                    scopes.setdefault(permission, set()).add(grant.scope)
        object.__setattr__(self, "_scopes", {permission: frozenset(held) for permission, held in scopes.items()})

    def verdict(self, permission: Permission, place: Place) -> Verdict:
        """For an object that exists, or is about to, at `place`."""
        if self._holds(permission, place):
            return Verdict.ALLOWED
        return Verdict.FORBIDDEN if self._holds(permission.to_see, place) else Verdict.HIDDEN

    def holds_anywhere(self, permission: Permission) -> bool:
        """Whether a list may be asked for; it shows what may be seen."""
        return permission in self._scopes

    def holds_everywhere(self, permission: Permission) -> bool:
        """Whether no object of that kind is hidden."""
        return ORGANISATION in self._scopes.get(permission, ())

    def narrowed(self, limit: Iterable[Permission]) -> "Grants":
        wanted = frozenset(limit)
        return Grants(self.grants, wanted if self.limit is None else wanted & self.limit)

    def _holds(self, permission: Permission, place: Place) -> bool:
        held = self._scopes.get(permission)
        if held is None:
            return False
        if not held.isdisjoint(place.within):
            return True
        on_parts = (not held.isdisjoint(part) for part in place.parts)
        return any(on_parts) if permission.is_read else bool(place.parts) and all(on_parts)
