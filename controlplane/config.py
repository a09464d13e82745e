"""What `homeport-server` is told on its command line."""

import argparse
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from homeport import __version__


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
    # host:port of the enrollment port as hosts reach it, for the join command that is shown.
    advertise: str
    database: str
    install_port: int
    # What hosts are installed from; none = they cannot be installed from here.
    wheelhouse: Path | None
    # A process of its own goes on relaying while this one is away.
    gateway_inside: bool = False
    heartbeat_seconds: float = 2.0


def parse_config(arguments: list[str] | None = None) -> ServerConfig:
    parser = argparse.ArgumentParser(
        prog="homeport-server",
        description="The Homeport control plane: REST API, gateway for inference, and the gRPC ports that agents dial.",
        epilog="Only the agents' ports may be reachable from elsewhere: they use mutual TLS. API and gateway speak "
        "plain HTTP and stay on loopback; put a TLS proxy in front of them to serve other machines.",
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="database, CA and admin token; made if missing")
    parser.add_argument("--host", default="127.0.0.1", type=_loopback, help="loopback address of API and gateway")
    parser.add_argument("--agent-host", default="127.0.0.1", help="address of the agents' ports; 0.0.0.0 = all")
    parser.add_argument("--api-port", type=_port, default=8080, help="REST API and its docs (default %(default)s)")
    parser.add_argument("--gateway-port", type=_port, default=8000, help="inference (default %(default)s)")
    parser.add_argument("--enroll-port", type=_port, default=8442, help="agents join here (default %(default)s)")
    parser.add_argument("--session-port", type=_port, default=8443, help="agents' sessions (default %(default)s)")
    parser.add_argument("--tunnel-port", type=_port, default=8444, help="agents' tunnels (default %(default)s)")
    parser.add_argument("--advertise", default="", metavar="HOST", help="the name by which hosts reach this server")
    parser.add_argument(
        "--wheelhouse", type=Path, metavar="DIR", help="serve hosts what they install from (`make wheelhouse`)"
    )
    parser.add_argument("--install-port", type=_port, default=8445, help="port of --wheelhouse (default %(default)s)")
    parser.add_argument(
        "--database", default="", metavar="URL", help="postgresql+psycopg://...; default: SQLite in the data directory"
    )
    parser.add_argument(
        "--gateway-inside",
        action="store_true",
        help="run the gateway in this process: less memory, but requests end when this process does",
    )
    parser.add_argument("--version", action="version", version=f"homeport-server {__version__}")
    return ServerConfig(**vars(parser.parse_args(arguments)))


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def _loopback(text: str) -> str:
    host = "127.0.0.1" if text == "localhost" else text
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a loopback address: API and gateway speak plain HTTP, so they must stay on 127.0.0.1 or "
            "::1. Put a TLS proxy (nginx, caddy) in front of them"
        )
    return host
