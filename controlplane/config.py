"""What `homeport-server` is told on its command line."""

import argparse
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from controlplane.oidc_options import OidcOptions, add_oidc_options, take_oidc_options
from homeport import __version__
from homeport.core.errors import HomeportError
from homeport.core.gateway_workers import MOST_WORKERS
from homeport.gateway.callers.client_address import trusted_proxies
from homeport.identity import GATEWAY_NAME, SERVER_NAME
from homeport.target import split_target


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Ports may be 0: the system picks one, and the `ready` line names it."""

    data_dir: Path
    host: str
    agent_host: str
    api_port: int
    gateway_port: int
    enroll_port: int
    session_port: int
    tunnel_port: int
    # As hosts reach this one: of a control plane a name, of a gateway HOST or HOST:PORT of its tunnel port.
    advertise: str
    database: str
    install_port: int
    # What hosts are installed from; none = they cannot be installed from here.
    wheelhouse: Path | None
    # A process of its own goes on relaying while this one is away.
    gateway_inside: bool = False
    # Addresses and networks, with commas between them.
    trusted_proxies: str = ""
    # None = as many as before.
    gateway_workers: int | None = None
    heartbeat_seconds: float = 2.0
    # How long a node's certificate lives; it is renewed at half of that.
    certificate_seconds: int = 86_400
    # Towards clients: "internal", or a certificate and its key; neither = plain HTTP.
    tls: str = ""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    # Names beside those that are known anyway, of the internal certificate.
    tls_names: tuple[str, ...] = ()
    audit_days: float = 365.0
    # For so long does a local gateway that is cut off accept access tokens.
    local_gateway_days: float = 7.0
    # As browsers reach the API, where that is not as this server knows it.
    public_url: str = ""
    session_days: float = 7.0
    session_idle_hours: float = 24.0
    oidc: OidcOptions | None = None
    metrics_open: bool = False
    # Of the gateways: a file, "-" = where they log, empty = none.
    access_log: str = ""
    # None = in the data directory.
    master_key_file: Path | None = None
    rotate_master_key: bool = False
    # "server", or "gateway": one on a host of its own.
    role: str = "server"
    # Of a gateway that joins: host:port of the enrollment port, and the token.
    control_plane: str = ""
    join_token: str = ""

    @property
    def master_key_path(self) -> Path:
        return self.master_key_file or self.data_dir / "master-key"

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data_dir.absolute()}/homeport.db"

    @property
    def serves_tls(self) -> bool:
        return bool(self.tls or self.tls_cert)


def parse_config(arguments: list[str] | None = None) -> ServerConfig:
    parser = argparse.ArgumentParser(
        prog="homeport-server",
        description="The Homeport control plane: REST API, gateway for inference, and the gRPC ports that agents dial.",
        epilog="The agents' ports use mutual TLS. API and gateway speak plain HTTP on loopback; to serve other "
        "machines give them a certificate (--tls-cert and --tls-key, or --tls internal) and --host 0.0.0.0.",
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="database, CA and admin token; made if missing")
    parser.add_argument("--host", default="127.0.0.1", type=_address, help="address of API and gateway; 0.0.0.0 = all")
    parser.add_argument(
        "--tls", default="", choices=("internal",), help="TLS towards clients, who trust DATA_DIR/ca.crt (--ca-file)"
    )
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="TLS towards clients: certificate and chain, PEM")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its key, PEM; both are read again on change")
    parser.add_argument(
        "--tls-name",
        dest="tls_names",
        action="append",
        default=[],
        metavar="HOST",
        help="another name or address in the certificate of --tls internal; may be repeated",
    )
    parser.add_argument("--agent-host", default="127.0.0.1", help="address of the agents' ports; 0.0.0.0 = all")
    parser.add_argument("--api-port", type=_port, default=8080, help="REST API and its docs (default %(default)s)")
    parser.add_argument("--gateway-port", type=_port, default=8000, help="inference (default %(default)s)")
    parser.add_argument("--enroll-port", type=_port, default=8442, help="agents join here (default %(default)s)")
    parser.add_argument("--session-port", type=_port, default=8443, help="agents' sessions (default %(default)s)")
    parser.add_argument("--tunnel-port", type=_port, default=8444, help="agents' tunnels (default %(default)s)")
    parser.add_argument(
        "--advertise",
        default="",
        metavar="HOST",
        help="the name by which hosts reach this server; of a gateway HOST or HOST:PORT at which agents reach its "
        "tunnel port",
    )
    parser.add_argument(
        "--role",
        choices=("server", "gateway"),
        default="server",
        help="gateway: only a gateway, on a host of its own, for the control plane that it joined",
    )
    parser.add_argument(
        "--control-plane", default="", metavar="HOST:PORT", help="a gateway joins here; the port is that of enrollment"
    )
    parser.add_argument(
        "--join-token", default="", metavar="TOKEN", help="of `homeport gateway join-token NAME`; it works once"
    )
    parser.add_argument(
        "--wheelhouse", type=Path, metavar="DIR", help="serve hosts what they install from (`make wheelhouse`)"
    )
    parser.add_argument("--install-port", type=_port, default=8445, help="port of --wheelhouse (default %(default)s)")
    parser.add_argument(
        "--database", default="", metavar="URL", help="postgresql+psycopg://...; default: SQLite in the data directory"
    )
    parser.add_argument(
        *("-w", "--gateway-workers"),
        type=_workers,
        metavar="N",
        help="processes that relay requests, about one for each core that they may use (default: as many as before, "
        "at first 1; `homeport gateway scale` changes it without a restart)",
    )
    parser.add_argument(
        "--gateway-inside",
        action="store_true",
        help="run the gateway in this process: less memory, but requests end when this process does",
    )
    parser.add_argument(
        "--trusted-proxies",
        type=_proxies,
        default="",
        metavar="NETWORKS",
        help="proxies in front of the gateway (10.0.0.7,192.168.4.0/24): what they say in X-Forwarded-For is believed",
    )
    parser.add_argument(
        "--certificate-seconds",
        type=_lifetime,
        default=86_400,
        metavar="SECONDS",
        help="how long a node's certificate lives (default %(default)s); it is renewed at half of that",
    )
    parser.add_argument(
        "--audit-days", type=_days, default=365.0, metavar="DAYS", help="keep audit entries so long (default 365)"
    )
    parser.add_argument(
        "--local-gateway-days",
        type=_days,
        default=7.0,
        metavar="DAYS",
        help="so long do local gateways of sites that are cut off accept access tokens (default 7)",
    )
    parser.add_argument(
        "--public-url",
        type=_public_url,
        default="",
        metavar="URL",
        help="of the API behind a proxy, as browsers know it",
    )
    parser.add_argument(
        "--session-days", type=_days, default=7.0, metavar="DAYS", help="who signed in does so again then (default 7)"
    )
    parser.add_argument(
        "--session-idle-hours", type=_hours, default=24.0, metavar="HOURS", help="and after so long unused (default 24)"
    )
    parser.add_argument(
        "--metrics-open",
        action="store_true",
        help="programs on this host read /metrics without a token; others need one that may read the server",
    )
    parser.add_argument(
        "--access-log",
        type=_log_file,
        default="",
        metavar="FILE",
        help="a line of JSON for each request to a model; - is where the server logs (default: none)",
    )
    add_oidc_options(parser)
    parser.add_argument(
        "--master-key-file",
        type=Path,
        metavar="FILE",
        help="what secrets are sealed with; made if missing (default: master-key in the data directory)",
    )
    parser.add_argument(
        "--rotate-master-key",
        action="store_true",
        help="seal all secrets with a new master key, and end; the server must be stopped",
    )
    parser.add_argument("--version", action="version", version=f"homeport-server {__version__}")
    given = vars(parser.parse_args(arguments))
    oidc, oidc_problem = take_oidc_options(given)
    config = ServerConfig(**{**given, "tls_names": tuple(given["tls_names"]), "oidc": oidc})
    if problem := _role_problem(config) or _tls_problem(config) or oidc_problem:
        parser.error(problem)
    return config


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of workers (1 to {MOST_WORKERS})")
    return int(text)


def _proxies(text: str) -> str:
    try:
        trusted_proxies(text)
    except HomeportError as error:
        raise argparse.ArgumentTypeError(f"{error.message}: {error.hint}") from None
    return text


def _lifetime(text: str) -> int:
    if not text.isdecimal() or not 10 <= int(text) <= 30 * 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is no lifetime of a certificate (10 seconds to 30 days)")
    return int(text)


def _days(text: str) -> float:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 1 on")
    return float(text)


def _hours(text: str) -> float:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours from 1 on")
    return float(text)


def _public_url(text: str) -> str:
    """Without a slash at the end. Browsers come to its host alone, so a path below it is none of ours."""
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form https://HOST or https://HOST:PORT")
    return f"{parts.scheme}://{parts.netloc}"


def _log_file(text: str) -> str:
    """Absolute: gateways may run somewhere else."""
    path = Path(text).absolute()
    if text not in ("", "-") and (path.is_dir() or not path.parent.is_dir()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a file in a directory that exists")
    return str(path) if text not in ("", "-") else text


def _address(text: str) -> str:
    host = "127.0.0.1" if text == "localhost" else text
    try:
        ip_address(host)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address, such as 127.0.0.1, ::1 or 0.0.0.0") from None
    return host


def _role_problem(config: ServerConfig) -> str:
    """The same of what a role needs, and what it has no use for."""
    if config.role == "server":
        if config.control_plane or config.join_token:
            return "--control-plane and --join-token are for --role gateway"
        return ""
    if bool(config.control_plane) != bool(config.join_token):
        return "--control-plane and --join-token belong together: give both, or none once the host has joined"
    if not config.advertise:
        return "--role gateway needs --advertise HOST:PORT, at which agents reach its tunnel port"
    try:
        split_target(config.advertise, config.tunnel_port)
    except HomeportError as error:
        return f"--advertise: {error.message}: {error.hint}"
    if config.gateway_inside or config.database or config.wheelhouse:
        return "--gateway-inside, --database and --wheelhouse are a control plane's: leave them out with --role gateway"
    return ""


def _tls_problem(config: ServerConfig) -> str:
    """What is wrong, and how to mend it; empty when nothing is."""
    if (config.tls_cert is None) != (config.tls_key is None):
        return "--tls-cert and --tls-key belong together: give both"
    if config.gateway_inside and config.gateway_workers is not None:
        return "--gateway-inside is a gateway in this process, without workers: leave it out, or --gateway-workers"
    if config.tls and config.tls_cert:
        return "--tls internal makes a certificate of its own: leave it out, or --tls-cert and --tls-key"
    if config.tls_names and not config.tls:
        return "--tls-name goes with --tls internal"
    for name in (SERVER_NAME, GATEWAY_NAME):
        if name in config.tls_names:
            return f"--tls-name {name} is the name of the agents' ports: choose another one"
    if not config.serves_tls and not ip_address(config.host).is_loopback:
        return (
            f"--host {config.host} is reachable from elsewhere, where access tokens must not travel in clear: add "
            "--tls internal, or --tls-cert FILE --tls-key FILE; or keep 127.0.0.1 and put a TLS proxy in front"
        )
    return ""
