"""By which names clients reach API and gateway."""

import socket
from ipaddress import ip_address

from controlplane.config import ServerConfig


def front_url(config: ServerConfig, port: int) -> str:
    """Without a path. A server that listens on all addresses is named as hosts know it, else as this machine does."""
    everywhere = ip_address(config.host).is_unspecified
    host = (config.advertise or "localhost") if everywhere else config.host
    return url("https" if config.serves_tls else "http", host, port)


def front_names(config: ServerConfig) -> list[str]:
    """What a certificate for them says, without doubles. The machine's own addresses are not guessed: --tls-name."""
    listening = [] if ip_address(config.host).is_unspecified else [config.host]
    known = ["localhost", "127.0.0.1", "::1", socket.gethostname(), *listening, config.advertise, *config.tls_names]
    return list(dict.fromkeys(name for name in known if name))


def url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
