"""Who a request comes from, where proxies stand before the gateway."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from homeport.core.errors import ErrorCode, HomeportError
from homeport.http1.head import Fields

_FORWARDED_FOR = b"x-forwarded-for"


class TrustedProxies:
    """What they say in X-Forwarded-For is believed; what anybody else says is not."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network]) -> None:
        self._networks = tuple(networks)

    def client(self, peer: str, fields: Fields) -> str:
        """The last address in the chain that no trusted proxy has; the peer's own where the chain is not readable."""
        address = _address(peer)
        if address is None or not self._trusts(address):
            return peer
        chain = b",".join(value for name, value in fields if name == _FORWARDED_FOR).split(b",")
        for hop in reversed(chain):
            before = _address(hop.strip().decode("latin-1"))
            if before is None:
                break
            address = before
            if not self._trusts(address):
                break
        return str(address)

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def trusted_proxies(text: str) -> TrustedProxies | None:
    """From addresses and networks with commas between them; None when there is none. Raises INVALID_ARGUMENT."""
    networks = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(ip_network(part))
        except ValueError as error:
            raise HomeportError(
                ErrorCode.INVALID_ARGUMENT,
                str(error),
                hint="write addresses or networks with commas between them: 10.0.0.7,192.168.4.0/24",
            ) from None
    return TrustedProxies(networks) if networks else None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
