"""Which node is at the other end of a gRPC connection, and with which certificate."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from controlplane.auth.ca import key_sha256
from homeport.core.node_identity import Shown
from homeport.identity import gateway_host_of, node_id_of


@dataclass(frozen=True, slots=True)
class ShownGateway:
    """A gateway on a host of its own, by its certificate."""

    name: str
    key_sha256: str


def address_of(peer: str) -> str:
    """Of gRPC's `ipv4:192.0.2.1:5000` or `ipv6:[2001:db8::1]:5000`, which may be written with %5B and %5D."""
    return unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")


def shown_by(auth_context: Mapping[str, Iterable[bytes]]) -> Shown | None:
    """What a verified peer has shown; None for one that is no node."""
    return shown_of(certificate_in(auth_context))


def gateway_shown_by(auth_context: Mapping[str, Iterable[bytes]]) -> ShownGateway | None:
    """None for a peer that is no gateway on a host of its own."""
    certificate = certificate_in(auth_context)
    if certificate is None:
        return None
    name = gateway_host_of(_uris(certificate))
    return None if name is None else ShownGateway(name, key_sha256(certificate.public_key()))


def certificate_in(auth_context: Mapping[str, Iterable[bytes]]) -> x509.Certificate | None:
    """Of a verified peer, which has proved to hold its key."""
    pem = next(iter(auth_context.get("x509_pem_cert", ())), None)
    return x509.load_pem_x509_certificate(pem) if pem is not None else None


def key_of(certificate: x509.Certificate | None) -> ec.EllipticCurvePublicKey | None:
    key = certificate.public_key() if certificate is not None else None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


def shown_of(certificate: x509.Certificate | None) -> Shown | None:
    """None for a peer that is no node."""
    node_id = node_id_of(_uris(certificate)) if certificate is not None else None
    if certificate is None or node_id is None:
        return None
    return Shown(
        node_id,
        f"{certificate.serial_number:x}",
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
    )


def _uris(certificate: x509.Certificate) -> list[str]:
    """Its alternative names; those that are no URI are empty."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [name.value if isinstance(name, x509.UniformResourceIdentifier) else "" for name in extension.value]
