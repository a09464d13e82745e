"""What the API answers with."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Resource:
    """One object. Times are unix seconds. `spec` is what was asked for, `status` what is."""

    kind: str
    id: str
    generation: int
    seq: int
    created_at: float
    updated_at: float
    spec: dict[str, Any]
    status: dict[str, Any]

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Resource":
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
        )

    def to_plain(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did with one document: created, configured or unchanged."""

    kind: str
    id: str
    action: str
