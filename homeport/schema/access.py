"""Who may do what: people, programs, teams, the roles that they hold, and their tokens."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from homeport.core.access.permission import Permission
from homeport.core.access.scope import parse_scope
from homeport.schema.base import ApiModel, Id, immutable, inherited, live
from homeport.schema.token_limits import TokenLimits

_NAMED = "role bindings, teams and tokens name it by its id"
_BINDING = "delete the binding and make another one: so it is plain who could do what, and when"


class OidcIdentity(ApiModel):
    """Somebody at an OpenID provider, who never becomes somebody else there."""

    issuer: str = inherited(min_length=1, max_length=500)
    """Its URL, as the server has it in --oidc-issuer."""
    subject: str = inherited(min_length=1, max_length=255)
    """The claim `sub`."""


class UserSpec(ApiModel):
    """A person."""

    id: Id = immutable(reason=_NAMED)
    name: str = live(default="", max_length=200)
    """As others know this person."""
    email: str = live(default="", max_length=320)
    disabled: bool = live(default=False)
    """None of the person's tokens is accepted, and nobody can sign in as this person."""
    oidc: OidcIdentity | None = live(default=None)
    """As whom the OpenID provider knows this person. The first sign-in says it of a new user; of one that is there an
    administrator does. Writing the user anew without it keeps it; an edit to null takes it away."""


class ServiceAccountSpec(ApiModel):
    """A program that acts for nobody but itself."""

    id: Id = immutable(reason=_NAMED)
    description: str = live(default="", max_length=1000)
    disabled: bool = live(default=False)
    """None of its tokens is accepted."""


class TeamSpec(ApiModel):
    """People who hold roles together."""

    id: Id = immutable(reason=_NAMED)
    description: str = live(default="", max_length=1000)
    members: list[Id] = live(default_factory=list, max_length=1000)
    """Ids of users."""
    oidc_groups: list[Annotated[str, Field(min_length=1, max_length=200)]] = live(default_factory=list, max_length=100)
    """Who was in one of these groups of the OpenID provider when signing in last is in the team, too."""

    @field_validator("members", "oidc_groups")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        return sorted(set(names))


def _check_subject(text: str) -> str:
    kind, _, id = text.partition("/")
    if kind not in ("user", "team", "service_account") or not id:
        raise ValueError(f"{text!r} is nobody: write user/ID, team/ID or service_account/ID")
    return text


def _check_scope(text: str) -> str:
    parse_scope(text)
    return text


class RoleBindingSpec(ApiModel):
    """A role that somebody holds somewhere, and in everything that is in there."""

    id: Id = immutable(reason=_BINDING)
    role: Literal["admin", "operator", "deployer", "viewer", "invoker"] = immutable(reason=_BINDING)
    subject: Annotated[str, Field(max_length=100), AfterValidator(_check_subject)] = immutable(reason=_BINDING)
    """`user/ID`, `team/ID` or `service_account/ID`."""
    scope: Annotated[str, Field(max_length=200), AfterValidator(_check_scope)] = immutable(
        default="organisation", reason=_BINDING
    )
    """`organisation`, `project/ID`, `cluster/ID`, `nodepool/CLUSTER/ID` or `deployment/ID`."""
    description: str = live(default="", max_length=1000)


_MOST_SECONDS = 10 * 366 * 86_400.0

Names = Annotated[list[Id], Field(min_length=1, max_length=1000)]
# JSON has no enumerations.
Limit = Annotated[list[Annotated[Permission, Field(strict=False)]], Field(min_length=1, max_length=len(Permission))]


class AccessTokenSpec(ApiModel):
    """What a new access token is to be."""

    name: str = Field(min_length=1, max_length=200)
    """What it is for."""
    owner: str | None = Field(default=None, max_length=100, pattern=r"^(user|service_account)/.+$")
    """`user/ID` or `service_account/ID`, whose roles it acts with; null = whoever makes it."""
    permissions: Limit | None = None
    """What it may do at most; null = whatever its owner may."""
    models: Names | None = None
    """The deployments and models that it may invoke; null = all that its owner may."""
    expires_in_seconds: float | None = Field(default=None, ge=1, le=_MOST_SECONDS)
    """From now; null = never."""
    limits: TokenLimits | None = None
    """How much of inference it may use; null = any amount."""


class AccessTokenEdit(ApiModel):
    """What is named is replaced."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    permissions: Limit | None = None
    models: Names | None = None
    expires_in_seconds: float | None = Field(default=None, ge=1, le=_MOST_SECONDS)
    limits: TokenLimits | None = None
    """Of these, too, only what is named is replaced. Gateways know within seconds."""


class RotateRequest(ApiModel):
    overlap_seconds: float = Field(default=0, ge=0, le=90 * 86_400.0)
    """How long the old text goes on being accepted beside the new one."""
