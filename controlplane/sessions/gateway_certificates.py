"""Certificates for local gateways: of the internal CA, for the node that asks and no other."""

from collections.abc import Collection
from datetime import datetime, timedelta
from ipaddress import ip_address

from homeport_proto.v1 import session_pb2 as pb

from controlplane.auth.ca import CertificateAuthority
from homeport.core.errors import ErrorCode, HomeportError
from homeport.identity import GATEWAY_NAME, SERVER_NAME, SITE_GATEWAY_NAME

# Renewed at half of it: longer than a site may go on by itself.
LIFE = timedelta(days=30)
_MOST_NAMES = 20
_OURS = frozenset((SERVER_NAME, GATEWAY_NAME, SITE_GATEWAY_NAME))


def certify(
    ca: CertificateAuthority, node_id: str, request: pb.CertifyGatewayRequest, reserved: Collection[str], now: datetime
) -> pb.CertifyGatewayResponse:
    """`reserved`: names by which clients know the control plane. Raises HomeportError(INVALID_ARGUMENT)."""
    names = list(dict.fromkeys(name.lower().rstrip(".") for name in request.client_names))
    check_names(names, reserved)
    answer = pb.CertifyGatewayResponse(
        certificate_pem=ca.issue_site_gateway(node_id, request.csr, LIFE, now),
        certificate_ttl_seconds=int(LIFE.total_seconds()),
    )
    if names:
        answer.client_certificate_pem = ca.issue_site_front(names, request.csr, LIFE, now)
    return answer


def check_names(names: list[str], reserved: Collection[str]) -> None:
    """Those towards clients. Raises HomeportError(INVALID_ARGUMENT)."""
    if len(names) > _MOST_NAMES:
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"{len(names)} names; at most {_MOST_NAMES}")
    taken = _OURS | {name.lower() for name in reserved}
    for name in names:
        if name in taken and not _is_loopback(name):
            raise HomeportError(
                ErrorCode.INVALID_ARGUMENT,
                f"{name} is the control plane's own name",
                hint="give the local gateway the name of its own host",
            )
        if "*" in name or not name.isascii() or not name:
            raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"{name!r} is no host name or address")


def _is_loopback(name: str) -> bool:
    """Everybody's own."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
