"""The internal certificate authority: made at the first start, it signs servers and nodes and nothing else."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from controlplane.private_file import write_private
from homeport.core.errors import ErrorCode, HomeportError
from homeport.identity import GATEWAY_NAME, GATEWAY_URI, NODE_URI, SERVER_NAME, SITE_GATEWAY_NAME

# Hosts with a clock that runs behind must be able to use a fresh certificate.
_BACKDATE = timedelta(minutes=5)
_CA_LIFE = timedelta(days=3650)
_SERVER_LIFE = timedelta(days=825)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """PEM texts; `certificate` carries the CA after the leaf, so that a joining agent can check its pin."""

    key: bytes
    certificate: bytes


@dataclass(frozen=True, slots=True)
class NodeCertificate:
    """`begins_at` is unix seconds; `serial` is hex."""

    pem: bytes
    serial: str
    begins_at: float


class CertificateAuthority:
    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate

    @property
    def bundle(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def pin(self) -> str:
        """SHA-256 of the CA's SubjectPublicKeyInfo, hex: the last part of every join token."""
        return hashlib.sha256(_spki(self._certificate.public_key())).hexdigest()

    def issue_server(self, now: datetime) -> KeyPair:
        """A key and certificate for the control plane's gRPC ports. Agents expect SERVER_NAME, whatever they dial."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(
            key.public_key(),
            SERVER_NAME,
            [x509.DNSName(SERVER_NAME)],
            [ExtendedKeyUsageOID.SERVER_AUTH],
            now,
            _SERVER_LIFE,
        )
        return KeyPair(_key_pem(key), certificate.public_bytes(serialization.Encoding.PEM) + self.bundle)

    def issue_gateway(self, worker_id: str, lifetime: timedelta, now: datetime) -> KeyPair:
        """For the tunnel port of one gateway worker. It opens no other port of the control plane's to agents."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(GATEWAY_NAME), x509.UniformResourceIdentifier(GATEWAY_URI + worker_id)]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH]
        certificate = self._sign(key.public_key(), GATEWAY_NAME, names, usages, now, lifetime)
        return KeyPair(_key_pem(key), certificate.public_bytes(serialization.Encoding.PEM) + self.bundle)

    def issue_gateway_host(self, name: str, csr_der: bytes, lifetime: timedelta, now: datetime) -> bytes:
        """For a gateway on a host of its own towards the control plane, PEM."""
        names = [x509.UniformResourceIdentifier(GATEWAY_URI + name)]
        key = load_csr(csr_der).public_key()
        certificate = self._sign(key, name, names, [ExtendedKeyUsageOID.CLIENT_AUTH], now, lifetime)
        return certificate.public_bytes(serialization.Encoding.PEM)

    def issue_host_worker(self, worker_id: str, csr_der: bytes, lifetime: timedelta, now: datetime) -> bytes:
        """For the tunnel port of one of its workers, PEM: as `issue_gateway`, for a key that never comes here."""
        names = [x509.DNSName(GATEWAY_NAME), x509.UniformResourceIdentifier(GATEWAY_URI + worker_id)]
        return self._issue_server(csr_der, GATEWAY_NAME, names, lifetime, now)

    def issue_site_gateway(self, node_id: str, csr_der: bytes, lifetime: timedelta, now: datetime) -> bytes:
        """For the tunnel port of a node's local gateway, PEM. Only the public key of the request is used."""
        names = [x509.DNSName(SITE_GATEWAY_NAME), x509.UniformResourceIdentifier(GATEWAY_URI + node_id)]
        return self._issue_server(csr_der, SITE_GATEWAY_NAME, names, lifetime, now)

    def issue_site_front(self, names: Sequence[str], csr_der: bytes, lifetime: timedelta, now: datetime) -> bytes:
        """The same towards clients, under the host names and addresses by which they reach it."""
        return self._issue_server(csr_der, "Homeport", [_alternative_name(name) for name in names], lifetime, now)

    def _issue_server(
        self, csr_der: bytes, name: str, names: Sequence[x509.GeneralName], lifetime: timedelta, now: datetime
    ) -> bytes:
        usages = [ExtendedKeyUsageOID.SERVER_AUTH]
        certificate = self._sign(load_csr(csr_der).public_key(), name, names, usages, now, lifetime)
        return certificate.public_bytes(serialization.Encoding.PEM) + self.bundle

    def issue_front(self, names: Sequence[str], lifetime: timedelta, now: datetime) -> KeyPair:
        """For API and gateway, under the host names and addresses by which clients reach them."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [_alternative_name(name) for name in names]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH]
        certificate = self._sign(key.public_key(), "Homeport", alternatives, usages, now, lifetime)
        return KeyPair(_key_pem(key), certificate.public_bytes(serialization.Encoding.PEM) + self.bundle)

    def issue_node(self, node_id: str, csr_der: bytes, lifetime: timedelta, now: datetime) -> NodeCertificate:
        """Only the public key of the request is used."""
        certificate = self._sign(
            load_csr(csr_der).public_key(),
            node_id,
            [x509.UniformResourceIdentifier(NODE_URI + node_id)],
            [ExtendedKeyUsageOID.CLIENT_AUTH],
            now,
            lifetime,
        )
        return NodeCertificate(
            certificate.public_bytes(serialization.Encoding.PEM),
            f"{certificate.serial_number:x}",
            certificate.not_valid_before_utc.timestamp(),
        )

    def issued(self, pem: bytes) -> x509.Certificate | None:
        """The certificate, if this authority has signed it; it may have expired. None for anything else."""
        try:
            certificate = x509.load_pem_x509_certificate(pem)
            certificate.verify_directly_issued_by(self._certificate)
        except (ValueError, TypeError, InvalidSignature):
            return None
        return certificate

    def _sign(
        self,
        public_key: object,
        name: str,
        alternative_names: Sequence[x509.GeneralName],
        usages: Sequence[x509.ObjectIdentifier],
        now: datetime,
        lifetime: timedelta,
    ) -> x509.Certificate:
        if not isinstance(public_key, ec.EllipticCurvePublicKey):
            raise HomeportError(ErrorCode.INVALID_ARGUMENT, "the signing request must carry an elliptic-curve key")
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BACKDATE)
            .not_valid_after(now + lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(alternative_names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        return builder.sign(self._key, hashes.SHA256())


def load_csr(der: bytes) -> x509.CertificateSigningRequest:
    """Checks that the sender holds the key. Raises HomeportError(INVALID_ARGUMENT)."""
    try:
        csr = x509.load_der_x509_csr(der)
        valid = csr.is_signature_valid
    except (ValueError, InvalidSignature):
        valid = False
    if not valid:
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, "not a valid certificate signing request")
    return csr


def public_key_sha256(csr_der: bytes) -> str:
    """Which key a signing request is for, hex."""
    return key_sha256(load_csr(csr_der).public_key())


def key_sha256(public_key: object) -> str:
    """Hex, of an elliptic-curve key."""
    return hashlib.sha256(_spki(public_key)).hexdigest()


def holds_key(certificate: x509.Certificate, signature: bytes, message: bytes) -> bool:
    """Whether whoever signed the message has the key of this certificate."""
    public_key = certificate.public_key()
    if not isinstance(public_key, ec.EllipticCurvePublicKey):
        return False
    try:
        public_key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def open_ca(directory: Path, now: datetime | None = None) -> CertificateAuthority:
    """Loads the CA of a data directory, or makes it. Key and certificate stand in one file, so both exist or none."""
    path = directory / "ca.pem"
    if path.exists():
        return _load(path)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _self_signed(key, now or datetime.now(UTC))
    write_private(path, _key_pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
    return CertificateAuthority(key, certificate)


def _load(path: Path) -> CertificateAuthority:
    pem = path.read_bytes()
    try:
        key = serialization.load_pem_private_key(pem, password=None)
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise HomeportError(
            ErrorCode.INTERNAL,
            f"the CA file {path} cannot be read: {error}",
            hint="restore it from a backup; without it every agent has to join again",
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise HomeportError(ErrorCode.INTERNAL, f"the CA file {path} holds another kind of key", hint="restore it")
    return CertificateAuthority(key, certificate)


def _self_signed(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Homeport internal CA")])
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        # Clients that check strictly (Python 3.13 does) want both key identifiers.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _alternative_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _spki(public_key: object) -> bytes:
    if not isinstance(public_key, ec.EllipticCurvePublicKey):
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, "the signing request must carry an elliptic-curve key")
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
