"""What the API answers about people, their roles and their tokens."""

from typing import Any

from homeport.schema.access import RoleBindingSpec, ServiceAccountSpec, TeamSpec, UserSpec
from homeport.schema.answer import Answer, Resource
from homeport.schema.edited import Edited, ObjectName
from homeport.schema.token_limits import MeterUse, TokenLimits


class User(Resource):
    spec: UserSpec
    status: dict[str, Any]


class Team(Resource):
    spec: TeamSpec
    status: dict[str, Any]


class ServiceAccount(Resource):
    spec: ServiceAccountSpec
    status: dict[str, Any]


class RoleBinding(Resource):
    spec: RoleBindingSpec
    status: dict[str, Any]


class EditedUser(User, Edited):
    pass


class EditedTeam(Team, Edited):
    pass


class EditedServiceAccount(ServiceAccount, Edited):
    pass


class EditedRoleBinding(RoleBinding, Edited):
    pass


class AccessTokenFacts(Answer):
    name: str
    owner: str
    permissions: list[str] | None
    """What it may do at most; null = whatever its owner may."""
    models: list[str] | None
    """What it may invoke at most; null = whatever its owner may."""
    expires_at: float | None
    """Unix seconds; null = never."""
    created_by: str
    session: str | None
    """Of one that came with signing in: browser or cli. It ends by itself."""
    limits: TokenLimits | None
    """How much of inference it may use; null = any amount."""


class AccessTokenState(Answer):
    last_used_at: float | None
    """Unix seconds, up to a minute old; null = never."""
    overlap_until: float | None
    """Until when the text before the last rotation is accepted, too; null = it is not."""
    usage: list[MeterUse] | None
    """Of each of its limits; null in lists."""


class AccessToken(Resource):
    """Without its text, which is shown once: when it is made or rotated."""

    spec: AccessTokenFacts
    status: AccessTokenState


class NewAccessToken(AccessToken):
    token: str


class AccessTokenImpact(Answer):
    """Whom it would hit if the token were no longer accepted."""

    owner: str
    last_used_at: float | None
    """Unix seconds, up to a minute old; null = never."""
    objects: list[ObjectName]
    """Clusters and deployments that name it as their `credential`."""
    invokes: list[str]
    """Ids of the deployments that can be invoked with it."""
    other_tokens: int
    """How many other tokens of its owner are accepted: they go on."""


class SiteUsageDay(Answer):
    """What a token asked of one deployment through local gateways in a day (UTC), as far as their sites have told."""

    day: int
    """Its beginning, unix seconds."""
    deployment_id: str
    requests: int
    """That had their whole answer."""
    tokens: int
    """Generated, where the model tells."""


class SiteUsage(Answer):
    days: list[SiteUsageDay]
    """The oldest first."""


class HeldRole(Answer):
    role: str
    scope: str


class WhoAmI(Answer):
    subject: str
    token_id: str
    token_name: str
    expires_at: float | None
    roles: list[HeldRole]
    """Its own ones and those of its teams."""
    permissions: list[str] | None
    """What the token may do at most; null = whatever the roles allow."""
    models: list[str] | None
    """What the token may invoke at most; null = whatever the roles allow."""
    session: str | None
    """browser or cli, of who has signed in; null = with an access token that was made by hand."""
    csrf_token: str | None
    """With a session's cookie: what X-CSRF-Token must be. Null otherwise."""
