"""A request's choice among revisions that run side by side. Those of other deployments never come here."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from homeport.core.balance.balancing import Balancing
from homeport.core.rollout.share import pick_share
from homeport.core.rollout.track import deployment_of
from homeport.gateway.balancing.affinity import Affinity, affinity_of
from homeport.gateway.balancing.branches import choose, named, not_running, others
from homeport.gateway.routing.routes import Branch, RoutePolicy
from homeport.gateway.telemetry.account import Account

if TYPE_CHECKING:
    from homeport.gateway.gateway import Gateway
    from homeport.gateway.routing.heading import Heading

_KEYS = 1 << 64


class Branching(Account):
    _gateway: "Gateway"
    _heading: "Heading"
    client_address: Callable[[], str]
    _affinity: Affinity | None = None
    # Header lines of this gateway's own, for the answer.
    _own_lines = b""
    _branch: Branch | None = None
    # Tracks that could not take it.
    _tried: frozenset[str] = frozenset()

    def to_revision(self, policy: RoutePolicy) -> RoutePolicy:
        """That of the revision that the request names, or that its share gives it. Raises NOT_FOUND."""
        branches = self._gateway.policies.branches(policy.deployment_id)
        revision = self._heading.revision
        if not branches:
            if revision != policy.revision:
                raise not_running(policy.deployment_id, revision, [policy.revision])
            return policy
        if revision:
            branch: Branch | None = named(branches, policy.deployment_id, revision)
        else:
            branch = choose(branches, self._gateway.presences.candidates, self._draw(policy))
        return self._take(branch) if branch is not None else policy

    def other_revision(self, policy: RoutePolicy) -> RoutePolicy | None:
        """Where it goes when its own revision, the policy's, can't take it and it has not asked for that one."""
        if self._branch is None or self._heading.revision:
            return None
        branches = self._gateway.policies.branches(deployment_of(policy.deployment_id))
        self._tried |= {policy.deployment_id}
        able = others(branches, self._gateway.presences.candidates, self._tried, policy.served_model_name)
        branch = pick_share(list(able), self._gateway.random())
        return self._take(branch) if branch is not None else None

    def find_affinity(self, balancing: Balancing) -> Affinity:
        if self._affinity is None:
            self._affinity = affinity_of(balancing, self.head.fields, self.client_address, self.connection.is_tls)
            self._own_lines += self._affinity.lines
        return self._affinity

    def _draw(self, policy: RoutePolicy) -> float:
        """Of [0, 1). Requests that belong together get the same."""
        balancing = policy.policy.balancing
        key = self.find_affinity(balancing).key if balancing is not None else ""
        return int(key, 16) / _KEYS if key else self._gateway.random()

    def _take(self, branch: Branch) -> RoutePolicy:
        if self._branch is not None:
            self._own_lines = self._own_lines.replace(self._branch.line, b"")
        self._branch = branch
        self._revision = branch.revision
        self._own_lines += branch.line
        return branch.policy
