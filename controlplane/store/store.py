"""What every store promises. `tests/conformance/store.py` checks it on all of them."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from controlplane.store.audit import AuditEntry, AuditQuery
from controlplane.store.history import (
    HistoryQuery,
    KeptEntry,
    KeptMinute,
    KeptUsage,
    NodeHistory,
    Retention,
    TrafficQuery,
)
from homeport.core.errors import HomeportError

T = TypeVar("T")


class Kind(StrEnum):
    """Object kinds and the form of their ids."""

    PROJECT = "project"  # <project>
    SECRET = "secret"  # <secret>
    INSTANCE_TYPE = "instance_type"  # <instance type>
    CLUSTER = "cluster"  # <cluster>
    NODEPOOL = "nodepool"  # <cluster>/<nodepool>
    NODE = "node"  # server-issued UUID
    MODEL = "model"  # <model>
    MODEL_VERSION = "model_version"  # <model>/<version>
    DEPLOYMENT = "deployment"  # <deployment>
    REVISION = "revision"  # <deployment>/<number>
    PLACEMENT = "placement"  # server-issued UUID
    JOIN_TOKEN = "join_token"  # the token's id part
    ACCESS_TOKEN = "access_token"  # the token's id part
    TOKEN_USAGE = "token_usage"  # that of the access token
    USER = "user"  # <user>
    SERVICE_ACCOUNT = "service_account"  # <service account>
    TEAM = "team"  # <team>
    ROLE_BINDING = "role_binding"  # <role binding>
    PASSWORD = "password"  # <user>
    GATEWAY = "gateway"  # `central`: the one beside the control plane
    REBALANCE = "rebalance"  # `last`: there is one


class Index(StrEnum):
    """By what else than their id objects are found, see controlplane.store.indexes."""

    VERSIONS_OF_MODEL = "versions of model"
    DEPLOYMENTS_OF_MODEL = "deployments of model"
    REVISIONS_OF_DEPLOYMENT = "revisions of deployment"
    PLACEMENTS_OF_DEPLOYMENT = "placements of deployment"
    PLACEMENTS_ON_NODE = "placements on node"


@dataclass(frozen=True, slots=True)
class Record:
    """One object at one moment. Never change `spec` or `status` in place: they are shared with all readers.

    `generation` counts accepted spec writes; `seq` is the transaction that wrote the record last.
    """

    kind: Kind
    id: str
    generation: int
    seq: int
    created_at: float
    updated_at: float
    spec: dict[str, Any]
    status: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """`record` is None when the object was deleted."""

    seq: int
    kind: Kind
    id: str
    record: Record | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What a transaction makes of one object. None = it was not there, or is not there any more."""

    kind: Kind
    id: str
    before: Record | None
    after: Record | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why nothing can be written. `since` is unix seconds."""

    error: HomeportError
    since: float


class Transaction(Protocol):
    """Reads see the transaction's own writes. Raising out of the function given to `Store.write` undoes them all."""

    @property
    def seq(self) -> int: ...

    @property
    def now(self) -> float:
        """Unix seconds, the same for the whole transaction."""

    def get(self, kind: Kind, id: str) -> Record | None: ...

    def all(self, kind: Kind) -> list[Record]:
        """All objects of a kind, by id."""

    def find(self, index: Index, key: str) -> list[Record]:
        """Those that belong to the object with this id, by their own id."""

    def create(self, kind: Kind, id: str, spec: dict[str, Any], status: dict[str, Any] | None = None) -> Record:
        """Raises HomeportError(ALREADY_EXISTS)."""

    def put_spec(self, kind: Kind, id: str, spec: dict[str, Any]) -> Record:
        """Replaces the spec; generation + 1 unless it is equal. Raises HomeportError(NOT_FOUND)."""

    def put_status(self, kind: Kind, id: str, status: dict[str, Any]) -> Record:
        """Replaces the status; the generation stays. Raises HomeportError(NOT_FOUND)."""

    def delete(self, kind: Kind, id: str) -> None:
        """Raises HomeportError(NOT_FOUND)."""

    def differences(self) -> list[Difference]:
        """What the transaction comes to so far."""

    def audit(self, entry: AuditEntry) -> None:
        """Adds to the audit log, as durably as all else that is written here."""


class Store(Protocol):
    """One writer, many readers. `(store_id, seq)` names a state; a restored backup gets a new `store_id`."""

    @property
    def store_id(self) -> str: ...

    @property
    def seq(self) -> int:
        """The newest committed transaction that wrote something."""

    @property
    def problem(self) -> Problem | None:
        """None while writes succeed. After a failure the store finds out by itself when they do again."""

    async def open(self) -> None:
        """Migrates and loads. Raises HomeportError when the data is of a newer schema or another process holds it."""

    async def close(self) -> None: ...

    async def write(self, change: Callable[[Transaction], T]) -> T:
        """Runs `change` alone and returns its result once it is durable. `change` is synchronous, may run on another
        thread, and must touch nothing but its transaction. What it raises is raised here, with nothing written."""

    async def renumber(self) -> None:
        """Begins a new `store_id`: to be called when others know a later `seq` of this one, as after the restoration of
        an older copy."""

    def get(self, kind: Kind, id: str) -> Record | None:
        """The committed record, from memory."""

    def all(self, kind: Kind) -> list[Record]:
        """The committed records of a kind by id, from memory."""

    def find(self, index: Index, key: str) -> list[Record]:
        """The committed records that belong to the object with this id, by their own id, from memory."""

    def changes(self, since: int | None = None) -> AsyncIterator[list[Change]]:
        """Committed changes in order, in batches, from after `since` (None = from now on).

        Raises HomeportError(CONFLICT) when the log no longer reaches back to `since`: list again.
        """

    async def audit_entries(self, query: AuditQuery) -> list[AuditEntry]:
        """The newest first, unless the query says otherwise. Raises HomeportError when the database is away."""

    async def forget_audit(self, before: float) -> int:
        """Removes entries that are older (unix seconds); how many. The newest entry of all may stay."""

    async def keep_history(self, told: Sequence[NodeHistory]) -> None:
        """What of it is new, durably. Raises HomeportError, and then tell it again."""

    async def history(self, query: HistoryQuery) -> list[KeptEntry]:
        """The newest first. Raises HomeportError when the database is away."""

    async def traffic(self, query: TrafficQuery) -> list[KeptMinute]:
        """The oldest first. Raises HomeportError when the database is away."""

    async def site_usage(self, token_id: str) -> list[KeptUsage]:
        """What an access token used through local gateways, the oldest day first."""

    async def trim_history(self, retention: Retention) -> int:
        """Removes all else; how many entries and minutes."""

    def known_deletions(self, kind: Kind) -> set[str]:
        """Ids of objects that were deleted, as far as the change log reaches back."""
