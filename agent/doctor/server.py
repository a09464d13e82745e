"""Where the control plane is, as far as this host knows."""

from dataclasses import dataclass

from agent.doctor.finding import DEFAULT_PORTS, Host
from agent.state.identity import Identity, IdentityStore
from homeport.core.errors import HomeportError
from homeport.target import split_target


@dataclass(frozen=True, slots=True)
class Server:
    """`ports` by what they are for: enrollment, session, tunnel. `identity` is None before this host has joined."""

    host: str
    ports: dict[str, int]
    identity: Identity | None


def server_of(host: Host) -> Server | None:
    """Of the identity, of what a running agent was told, or of --server; None when all of them are silent."""
    identity = _identity(host)
    if identity is None and not host.server:
        return None
    ports = dict(DEFAULT_PORTS)
    name = ""
    if identity is not None:
        name, ports["session"] = split_target(identity.session_target, ports["session"])
    if host.server:
        name, ports["enrollment"] = split_target(host.server, ports["enrollment"])
    gateways = (host.status or {}).get("link", {}).get("gateways", [])
    if gateways:
        _, ports["tunnel"] = split_target(gateways[0], ports["tunnel"])
    return Server(name, ports, identity)


def _identity(host: Host) -> Identity | None:
    try:
        return IdentityStore(host.state_dir / "identity").load()
    except (HomeportError, OSError):
        return None  # the state's check says so
