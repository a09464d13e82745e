"""By which address others of the site reach this host."""

import socket
from ipaddress import ip_address

# Of the block that is kept for documentation: nothing is sent there, the routing table alone is asked.
_SOMEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def reached_at(named: str, listening: str) -> str:
    """`named` by the administrator, else the one that it listens at, else the one by which this host goes out."""
    if named:
        return named
    address = ip_address(listening)
    if not address.is_unspecified:
        return listening
    families = [socket.AF_INET] if address.version == 4 else [socket.AF_INET6, socket.AF_INET]
    for family in families:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((_SOMEWHERE[family], 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return socket.gethostname()
