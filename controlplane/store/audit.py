"""Entries of the audit log: a table of its own, to which entries are only ever added, until they are too old."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Result(StrEnum):
    DONE = "done"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`number` (rising, without promise of no gaps) and `at` (unix seconds) are the store's to give. `details` is JSON:
    the request, what the object was and is, the reason of a denial."""

    actor: str
    token_id: str
    address: str
    request_id: str
    action: str
    kind: str
    object_id: str
    result: Result
    details: dict[str, Any] = field(default_factory=dict)
    number: int = 0
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Empty = any. `equal`: fields of an entry and what they must be. `beyond`: entries older than that number, or
    newer ones when `oldest_first`. Times are unix seconds: `since` <= at < `until`."""

    equal: dict[str, str] = field(default_factory=dict)
    since: float | None = None
    until: float | None = None
    beyond: int | None = None
    oldest_first: bool = False
    limit: int = 100

    def matches(self, entry: AuditEntry) -> bool:
        return (
            all(getattr(entry, name) == value for name, value in self.equal.items())
            and (self.since is None or entry.at >= self.since)
            and (self.until is None or entry.at < self.until)
            and (self.beyond is None or self._is_beyond(entry.number, self.beyond))
        )

    def _is_beyond(self, number: int, known: int) -> bool:
        return number > known if self.oldest_first else number < known
