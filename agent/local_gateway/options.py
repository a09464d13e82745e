"""What a local gateway is started with: `[local_gateway]` of the policy file, or the flags of the same names."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path

from homeport.core.errors import ErrorCode, HomeportError
from homeport.target import listening_target

# By setting: what stands for its value, and what it is for.
LOCAL_GATEWAY_FLAGS = {
    "clients": ("HOST:PORT", "serve this site's clients there, also while it is cut off; by default nothing listens"),
    "tunnels": ("HOST:PORT", "where the site's other agents come (default: the port after that of clients)"),
    "address": ("HOST", "this host's name or address for clients and agents (default: found out)"),
    "tls": ("internal", "TLS towards clients with a certificate of the control plane's CA"),
    "tls_cert": ("FILE", "TLS towards clients: certificate and chain, PEM"),
    "tls_key": ("FILE", "its key, PEM; both are read again on change"),
    "trusted_proxies": ("NETWORKS", "proxies before it (10.0.0.7,192.168.4.0/24): their X-Forwarded-For is believed"),
    "access_log": ("FILE", "a line of JSON for each request; - is where the agent logs (default: none)"),
}


@dataclass(frozen=True, slots=True)
class LocalGatewayOptions:
    """`clients` and `tunnels` are host:port to listen at. `address` is the host's name or address as siblings and
    clients reach it; empty = found out. Towards clients: "internal" TLS, a certificate and its key, or neither = plain
    HTTP, on loopback only. `trusted_proxies` are addresses and networks with commas between them, `access_log` a file
    or "-"."""

    clients: str
    tunnels: str = ""
    address: str = ""
    tls: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    trusted_proxies: str = ""
    access_log: str = ""

    @property
    def clients_at(self) -> tuple[str, int]:
        return _listening(self.clients, "clients")

    @property
    def tunnels_at(self) -> tuple[str, int]:
        """The port after that of clients, on the same address, unless it is named."""
        if self.tunnels:
            return _listening(self.tunnels, "tunnels")
        host, port = self.clients_at
        return host, port + 1 if port else 0

    @property
    def serves_tls(self) -> bool:
        return bool(self.tls or self.tls_cert)


def local_gateway_options(given: Mapping[str, str]) -> LocalGatewayOptions:
    """Raises HomeportError(INVALID_ARGUMENT) with the fix."""
    known = [field.name for field in fields(LocalGatewayOptions)]
    for name in given:
        if name not in known:
            raise _error(name, "unknown setting", f"known: {', '.join(known)}")
    if not given.get("clients"):
        raise _error("clients", "is missing", 'say where clients come: clients = "0.0.0.0:8000"')
    options = LocalGatewayOptions(**given)
    clients, tunnels = options.clients_at, options.tunnels_at
    if clients == tunnels and clients[1]:
        raise _error("tunnels", f"{options.tunnels} is where clients come", "give it a port of its own")
    if options.tls not in ("", "internal"):
        raise _error("tls", f"{options.tls!r} is not allowed here", 'write tls = "internal", or tls_cert and tls_key')
    if bool(options.tls_cert) != bool(options.tls_key):
        raise _error("tls_cert", "a certificate needs its key, and a key its certificate", "give both files")
    if options.tls and options.tls_cert:
        raise _error("tls", "there is a certificate already", "leave out tls, or tls_cert and tls_key")
    if not options.serves_tls and not ip_address(clients[0]).is_loopback:
        raise _error(
            "clients",
            f"{clients[0]} is heard by others than this host, and tokens would pass in clear",
            'add tls = "internal", or tls_cert and tls_key; plain HTTP is for 127.0.0.1 alone',
        )
    _check_proxies(options.trusted_proxies)
    log = Path(options.access_log)
    if options.access_log not in ("", "-") and (not log.is_absolute() or log.is_dir() or not log.parent.is_dir()):
        raise _error(
            "access_log", f"{log} is no file in a folder that exists", "give an absolute path, or - for the agent's log"
        )
    for name in ("tls_cert", "tls_key"):
        path = getattr(options, name)
        if path and not Path(path).is_file():
            raise _error(name, f"there is no file {path}", "give its absolute path, and let the agent's user read it")
    return options


def _check_proxies(text: str) -> None:
    if not text:
        return
    # With a gateway only: other agents load none of it.
    from homeport.gateway.callers.client_address import trusted_proxies

    try:
        trusted_proxies(text)
    except HomeportError as error:
        raise _error("trusted_proxies", error.message, error.hint) from None


def _listening(target: str, name: str) -> tuple[str, int]:
    try:
        return listening_target(target)
    except HomeportError as error:
        raise _error(name, error.message, error.hint) from None


def _error(name: str, message: str, fix: str) -> HomeportError:
    return HomeportError(
        ErrorCode.INVALID_ARGUMENT, f"local gateway: {message}", path=f"local_gateway.{name}", hint=fix
    )
