"""Which node is at the other end of a gRPC connection, and with which certificate."""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from homeport.core.node_identity import Shown
from homeport.identity import node_id_of


def address_of(peer: str) -> str:
    """Of gRPC's `ipv4:192.0.2.1:5000` or `ipv6:[2001:db8::1]:5000`, which may be written with %5B and %5D."""
    return unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")


def shown_by(auth_context: Mapping[str, Iterable[bytes]]) -> Shown | None:
    """What a verified peer has shown; None for one that is no node."""
    pem = next(iter(auth_context.get("x509_pem_cert", ())), None)
    return shown_of(x509.load_pem_x509_certificate(pem)) if pem is not None else None


def key_shown_by(auth_context: Mapping[str, Iterable[bytes]]) -> ec.EllipticCurvePublicKey | None:
    """The key of that certificate, which its holder has proved to hold."""
    pem = next(iter(auth_context.get("x509_pem_cert", ())), None)
    key = x509.load_pem_x509_certificate(pem).public_key() if pem is not None else None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


def shown_of(certificate: x509.Certificate) -> Shown | None:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return None
    node_id = node_id_of(
        name.value if isinstance(name, x509.UniformResourceIdentifier) else "" for name in extension.value
    )
    if node_id is None:
        return None
    return Shown(
        node_id,
        f"{certificate.serial_number:x}",
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
    )
