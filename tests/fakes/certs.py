"""Throwaway certificates, as the control plane would issue them."""

import hashlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from homeport.http2.tls import client_tls, server_tls


@dataclass(frozen=True)
class Ca:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def pin(self) -> str:
        """SHA-256 of the public key, hex: the last part of a join token."""
        spki = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(spki).hexdigest()


@dataclass(frozen=True)
class Authority:
    """A CA, and what its server and nodes show: to gRPC as credentials, to tunnels as TLS contexts."""

    ca: Ca

    def gateway_credentials(self, worker_id: str) -> grpc.ServerCredentials:
        return self._credentials(issue(self.ca, "homeport-gateway", f"homeport://gateway/{worker_id}"))

    def server_credentials(self) -> grpc.ServerCredentials:
        return self._credentials(issue(self.ca, san_dns="homeport-control-plane"))

    def _credentials(self, pair: tuple[bytes, bytes]) -> grpc.ServerCredentials:
        return grpc.ssl_server_credentials([pair], root_certificates=self.ca.pem, require_client_auth=True)

    def node_credentials(self, node_id: str = "node-1") -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(self.ca.pem, *issue(self.ca, san_uri=f"homeport://node/{node_id}"))

    def server_tls(self) -> ssl.SSLContext:
        return server_tls(*issue(self.ca, san_dns="homeport-control-plane"), self.ca.pem)

    def gateway_tls(self, worker_id: str = "gateway-0") -> ssl.SSLContext:
        return server_tls(*issue(self.ca, "homeport-gateway", f"homeport://gateway/{worker_id}"), self.ca.pem)

    def node_tls(self, node_id: str = "node-1") -> ssl.SSLContext:
        return client_tls(*issue(self.ca, san_uri=f"homeport://node/{node_id}"), self.ca.pem)


@lru_cache
def authority() -> Authority:
    """The same one for every test of a process: keys take time."""
    return Authority(make_ca())


def make_ca(name: str = "test CA") -> Ca:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return Ca(key, builder.sign(key, hashes.SHA256()))


def issue(ca: Ca, san_dns: str | None = None, san_uri: str | None = None) -> tuple[bytes, bytes]:
    """(key PEM, certificate PEM with the CA behind it)."""
    key = ec.generate_private_key(ec.SECP256R1())
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key_pem, sign(ca, key.public_key(), san_dns, san_uri)


def sign(
    ca: Ca, public_key: ec.EllipticCurvePublicKey, san_dns: str | None = None, san_uri: str | None = None
) -> bytes:
    """Certificate PEM for somebody else's key, with the CA behind it."""
    names: list[x509.GeneralName] = []
    if san_dns:
        names.append(x509.DNSName(san_dns))
    if san_uri:
        names.append(x509.UniformResourceIdentifier(san_uri))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, san_dns or san_uri or "leaf")])
    builder = _builder(subject, ca.certificate.subject, public_key)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(ca.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + ca.pem


def _builder(subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
    )
