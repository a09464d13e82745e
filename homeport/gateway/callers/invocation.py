"""Whether somebody may invoke a deployment."""

from dataclasses import dataclass
from functools import lru_cache

from homeport.core.access.grants import Grants, Verdict
from homeport.core.access.permission import Permission
from homeport.core.access.role import roles_with
from homeport.core.access.scope import Place, place_of_deployment
from homeport.core.errors import ErrorCode, HomeportError
from homeport.gateway.callers.principal import Principal
from homeport.gateway.routing.routes import RoutePolicy

_INVOKE = Permission.DEPLOYMENTS_INVOKE
# Naming a member of an Enum costs a failed attribute lookup (Python 3.11), and these are named with each request.
_ALLOWED, _HIDDEN = Verdict.ALLOWED, Verdict.HIDDEN

_NO_GRANTS = Grants()


@dataclass(frozen=True, slots=True)
class _Nobody:
    token_id: str = ""
    grants: Grants = _NO_GRANTS
    models: frozenset[str] | None = None
    limits: None = None


class Invoker:
    """One caller, asked about deployments."""

    __slots__ = ("_asked_last", "_said_last", "principal")

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        # Whoever asks, asks again for the same: a policy that has changed is another object.
        self._asked_last: RoutePolicy | None = None
        self._said_last = _HIDDEN

    def sees(self, policy: RoutePolicy) -> bool:
        """Others are for it as if they did not exist."""
        return self._verdict(policy) is not _HIDDEN

    def may(self, policy: RoutePolicy) -> bool:
        return self._verdict(policy) is _ALLOWED and self._is_named(policy)

    def must(self, policy: RoutePolicy) -> None:
        """Of a deployment that it sees. Raises PERMISSION_DENIED."""
        if self._verdict(policy) is not _ALLOWED:
            raise HomeportError(
                ErrorCode.PERMISSION_DENIED,
                f"this needs the permission {_INVOKE} for deployment {policy.deployment_id}",
                hint=f"roles that have it: {', '.join(roles_with(_INVOKE))}; an administrator can give you one",
            )
        if not self._is_named(policy):
            raise HomeportError(
                ErrorCode.PERMISSION_DENIED,
                f"this token may not invoke deployment {policy.deployment_id}",
                hint="it is for others: GET /v1/models lists them",
            )

    def may_see_timing(self, policy: RoutePolicy) -> bool:
        """Where the time of a request goes tells how the deployment is doing."""
        return self._decide(policy, Permission.DEPLOYMENTS_READ) is _ALLOWED

    def _is_named(self, policy: RoutePolicy) -> bool:
        models = self.principal.models
        return models is None or policy.deployment_id in models or policy.model_id in models

    def _verdict(self, policy: RoutePolicy) -> Verdict:
        if policy is not self._asked_last:
            self._said_last = self._decide(policy, _INVOKE)
            self._asked_last = policy
        return self._said_last

    def _decide(self, policy: RoutePolicy, permission: Permission) -> Verdict:
        return self.principal.grants.verdict(permission, _place(policy.deployment_id, policy.project, policy.nodepools))


# Who has not been asked for a token yet.
NOBODY = Invoker(_Nobody())


@lru_cache(16_384)
def _place(deployment_id: str, project: str, nodepools: tuple[str, ...]) -> Place:
    """The same for each request."""
    return place_of_deployment(deployment_id, project, nodepools)
