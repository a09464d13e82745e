"""What nodes remember of deployments, as it is kept here: tables of their own, beside the objects. A change in them is
no change of the fleet, and takes no seq."""

from dataclasses import dataclass, field

from homeport.core.history.entry import Entry, EntryKind, Page
from homeport.core.history.token_usage import TokenUsage
from homeport.core.history.traffic_minute import TrafficMinute


@dataclass(frozen=True, slots=True)
class NodeHistory:
    """A page of a node's log. Entries that are here already are known by their number."""

    node_id: str
    page: Page


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """`number` is the store's own: together with the time it says where a page of a list ends."""

    number: int
    node_id: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Beyond:
    """Where the page before has ended: only what is older."""

    time: float
    number: int


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Of a deployment's starts, or changes of scale; the newest first. `since` is unix seconds."""

    deployment_id: str
    kind: EntryKind
    since: float = 0.0
    beyond: Beyond | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class TrafficQuery:
    """The oldest first. Times are unix seconds: `since` <= minute < `until`."""

    deployment_id: str
    since: float = 0.0
    until: float | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class KeptMinute:
    """Of all nodes together. `minute` is its beginning, unix seconds."""

    minute: int
    traffic: TrafficMinute


@dataclass(frozen=True, slots=True)
class KeptUsage:
    """Of all nodes together. `day` is its beginning in UTC, unix seconds."""

    day: int
    deployment_id: str
    usage: TokenUsage


@dataclass(frozen=True, slots=True)
class Retention:
    """What stays: of these deployments only, the newest `entries` of each kind, and minutes from then on; of usage the
    days from then on."""

    deployments: frozenset[str] = field(default_factory=frozenset)
    nodes: frozenset[str] = field(default_factory=frozenset)
    entries: int = 1000
    traffic_since: float = 0.0
    usage_since: float = 0.0


def minute_of(time: float) -> int:
    return int(time // 60) * 60


def day_of(time: float) -> int:
    return int(time // 86_400) * 86_400


def usage_in(entries: list[Entry]) -> dict[tuple[str, str, int], TokenUsage]:
    """By token, deployment and day."""
    found: dict[tuple[str, str, int], TokenUsage] = {}
    for entry in entries:
        if isinstance(entry.told, TokenUsage):
            key = entry.told.token_id, entry.deployment_id, day_of(entry.time)
            found[key] = found[key].with_another(entry.told) if key in found else entry.told
    return found


# What is added up, and not kept entry by entry.
SUMMED = frozenset({EntryKind.TRAFFIC, EntryKind.TOKEN_USAGE})


def new_entries(told: Page, marks: tuple[str, int] | None) -> list[Entry]:
    """Those that are not here yet. `marks`: log and number up to which the node's entries are."""
    log_id, number = marks or ("", 0)
    return [entry for entry in told.entries if told.log_id != log_id or entry.number > number]


def minutes_in(entries: list[Entry]) -> dict[tuple[str, int], TrafficMinute]:
    """By deployment and minute."""
    found: dict[tuple[str, int], TrafficMinute] = {}
    for entry in entries:
        if isinstance(entry.told, TrafficMinute):
            key = entry.deployment_id, minute_of(entry.time)
            found[key] = found[key].with_another(entry.told) if key in found else entry.told
    return found
