"""People, programs, teams and the roles that they hold."""

from controlplane.api.collection import Collection
from controlplane.api.queries import RoleBindingQuery, ServiceAccountQuery, TeamQuery, UserQuery
from controlplane.fleet.kinds import ROLE_BINDING, SERVICE_ACCOUNT, TEAM, USER
from homeport.schema.access_resources import (
    EditedRoleBinding,
    EditedServiceAccount,
    EditedTeam,
    EditedUser,
    RoleBinding,
    ServiceAccount,
    Team,
    User,
)

USERS = Collection(USER, "users", "/users", "/users/{user}", UserQuery, User, EditedUser)
SERVICE_ACCOUNTS = Collection(
    SERVICE_ACCOUNT,
    "service-accounts",
    "/service-accounts",
    "/service-accounts/{service_account}",
    ServiceAccountQuery,
    ServiceAccount,
    EditedServiceAccount,
)
TEAMS = Collection(TEAM, "teams", "/teams", "/teams/{team}", TeamQuery, Team, EditedTeam)
ROLE_BINDINGS = Collection(
    ROLE_BINDING,
    "role-bindings",
    "/role-bindings",
    "/role-bindings/{role_binding}",
    RoleBindingQuery,
    RoleBinding,
    EditedRoleBinding,
)
ACCESS = (USERS, SERVICE_ACCOUNTS, TEAMS, ROLE_BINDINGS)
