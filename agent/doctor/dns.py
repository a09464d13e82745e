"""Whether the control plane's name can be resolved here."""

import ipaddress
import socket

from agent.doctor.finding import Finding, Host, fail, ok, warn
from agent.doctor.server import server_of

_CHECK = "dns"


def check_dns(host: Host) -> list[Finding]:
    server = server_of(host)
    if server is None:
        return [warn(_CHECK, "no control plane is known yet", "name one: homeport-agent doctor --server HOST")]
    if _is_address(server.host):
        return [ok(_CHECK, f"{server.host} needs no name service")]
    try:
        found = socket.getaddrinfo(server.host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return [fail(_CHECK, f"{server.host}: {error.strerror}", "add it to DNS or /etc/hosts, or join by address")]
    return [ok(_CHECK, f"{server.host} is {', '.join(sorted({str(entry[4][0]) for entry in found}))}")]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
