"""What the API answers with."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Resource:
    """One object. Times are unix seconds. `spec` is what was asked for, `status` what is. `forecast` comes with a dry
    run: whether a deployment would find a place, and where."""

    kind: str
    id: str
    generation: int
    seq: int
    created_at: float
    updated_at: float
    spec: dict[str, Any]
    status: dict[str, Any]
    forecast: dict[str, Any] | None = None

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Keys that a newer server adds are ignored."""
        return cls(
            kind=plain.get("kind", ""),
            id=plain["id"],
            generation=plain.get("generation", 0),
            seq=plain.get("seq", 0),
            created_at=plain.get("created_at", 0.0),
            updated_at=plain.get("updated_at", 0.0),
            spec=plain.get("spec", {}),
            status=plain.get("status", {}),
            forecast=plain.get("forecast"),
        )

    def to_plain(self) -> dict[str, Any]:
        plain = asdict(self)
        if self.forecast is None:
            del plain["forecast"]
        return plain


@dataclass(frozen=True, slots=True)
class FieldChange:
    """`change` is live (applies at once) or rollout (the replicas are replaced). None = not set."""

    path: str
    change: str
    before: Any
    after: Any

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        return cls(plain["path"], plain.get("change", ""), plain.get("from"), plain.get("to"))

    def to_plain(self) -> dict[str, Any]:
        return {"path": self.path, "change": self.change, "from": self.before, "to": self.after}


@dataclass(frozen=True, slots=True)
class Edited:
    """An object after an edit, and what the edit changed."""

    resource: Resource
    changes: tuple[FieldChange, ...]
    needs_restart: bool

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        changes = tuple(FieldChange.from_plain(each) for each in plain.get("changes", []))
        return cls(Resource.from_plain(plain), changes, bool(plain.get("needs_restart")))


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did with one document: created, configured or unchanged.

    `recorded` names fields that are kept but have no effect in this release. `forecast` comes with a dry run: whether a
    deployment would find a place, and where.
    """

    kind: str
    id: str
    action: str
    changes: tuple[FieldChange, ...] = ()
    recorded: tuple[str, ...] = ()
    forecast: dict[str, Any] | None = None

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        changes = tuple(FieldChange.from_plain(each) for each in plain.get("changes", []))
        recorded, forecast = tuple(plain.get("recorded", [])), plain.get("forecast")
        return cls(plain["kind"], plain["id"], plain["action"], changes, recorded, forecast)

    def to_plain(self) -> dict[str, Any]:
        changes = [change.to_plain() for change in self.changes]
        return {
            "kind": self.kind,
            "id": self.id,
            "action": self.action,
            "changes": changes,
            "recorded": list(self.recorded),
            **({"forecast": self.forecast} if self.forecast else {}),
        }
