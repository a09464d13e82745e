"""What the API needs from the rest of the control plane."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from controlplane.auth.login_sessions import SessionLife
from controlplane.auth.oidc.provider import OidcProvider
from controlplane.fleet.fleet_view import FleetView
from controlplane.gateway.host_link import HostFacts
from controlplane.metrics.page import Sources
from controlplane.secrets.vault import Vault
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Store, Transaction
from homeport.core.guessing import Guesses
from homeport.gateway.callers.access_tokens import AccessTokens


class JoinTokenIssuer(Protocol):
    # Of the CA's key.
    pin: str

    def create(self, tx: Transaction, nodepool_key: str, ttl_seconds: int) -> tuple[str, str]:
        """(token id, token text). Raises HomeportError(NOT_FOUND) for an unknown nodepool."""


class LogSource(Protocol):
    def lines(self, replica_id: str, node_id: str, tail: int, follow: bool) -> AsyncIterator[bytes]:
        """Whole lines, one or more at a time. Raises HomeportError(UNAVAILABLE) when the node cannot be asked."""

    def previous(self, deployment_id: str, node_id: str, replica: str, back: int) -> AsyncIterator[bytes]:
        """The same of what the node kept of a failure: 1 is the newest."""


@dataclass(frozen=True, slots=True)
class Urls:
    """As clients reach them: `api` and `gateway` are URLs without a path, `enroll` is host:port for agents. `public`
    is the one by which browsers know the API; empty = `api`."""

    api: str
    gateway: str
    enroll: str
    public: str = ""

    @property
    def of_browsers(self) -> str:
        return self.public or self.api


@dataclass(frozen=True, slots=True)
class ApiDependencies:
    """`monotonic` must be the registry's clock."""

    store: Store
    registry: NodeRegistry
    fleet_view: FleetView
    access_tokens: AccessTokens
    join_tokens: JoinTokenIssuer
    logs: LogSource
    urls: Urls
    monotonic: Callable[[], float]
    version: str
    vault: Vault
    # A join token's command for a host with nothing of ours; empty when this server has no wheelhouse to offer.
    install_command: Callable[[str], str]
    # The gateway's, as schema.gateway.GatewayWorker shows them; None where it has none of its own.
    gateway_workers: Callable[[], list[dict[str, Any]]] | None = None
    # Of a gateway on a host of its own, by its name.
    gateway_facts: Callable[[str], HostFacts] = lambda name: HostFacts()
    # Wrong tokens, by address.
    guesses: Guesses = field(default_factory=Guesses)
    session_life: SessionLife = field(default_factory=SessionLife)
    # Of an access token with limits: each of them as homeport.schema.token_limits.MeterUse.
    token_usage: Callable[[str], list[dict[str, Any]]] = lambda token_id: []
    # Who else may say who somebody is.
    oidc: OidcProvider | None = None
    # What the metrics page shows beside what the API shows.
    metrics: Sources = field(default_factory=Sources)
    # Programs on this host may read that page without a token.
    metrics_open: bool = False
