"""Who asks, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum

from homeport.core.access.grants import Grants
from homeport.core.limits.limits import Limits


class SubjectKind(StrEnum):
    USER = "user"
    SERVICE_ACCOUNT = "service_account"


@dataclass(frozen=True, slots=True)
class Subject:
    """The owner of a token, whose roles it acts with."""

    kind: SubjectKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}"


@dataclass(frozen=True, slots=True)
class Principal:
    """`grants` are narrowed to what the token may at most. `models`: ids of the deployments and models that it may
    invoke, None = all that `grants` allow. `name` is the token's. `session` says of one that came with signing in
    where it is kept: browser or cli. `limits`: None = it may use any amount."""

    subject: Subject
    token_id: str
    name: str
    grants: Grants
    models: frozenset[str] | None = None
    session: str = ""
    limits: Limits | None = None


# Of requests that need no token.
NOBODY = Principal(Subject(SubjectKind.USER, ""), "", "", Grants())
