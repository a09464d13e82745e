"""Certificates that must open nothing, each with the key that a host would show it with."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.link.csr import make_key
from controlplane.auth.ca import CertificateAuthority, KeyPair
from tests.fakes.node_ca import Held, issue_to

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
URI = "homeport://node/"


@dataclass(frozen=True)
class Target:
    """What an attacker knows of the control plane, and what was taken from nodes of it."""

    ca: CertificateAuthority
    node_id: str
    # Certificates with their keys: replaced by a newer one, of a locked node, of a deleted node; and one in use.
    superseded: Held
    locked: Held
    deleted: Held
    in_use: Held

    @property
    def ca_certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.ca.bundle)


def hostile() -> Mapping[str, Callable[[Target], Held | None]]:
    """By what is wrong. None = no certificate at all."""
    hour = timedelta(hours=1)
    return {
        "none at all": lambda target: None,
        "expired": lambda target: issue_to(target.ca, target.node_id, _now() - 48 * hour, hour),
        "expired a second ago": lambda target: issue_to(target.ca, target.node_id, _now() - hour, hour - _second()),
        "not valid yet": lambda target: issue_to(target.ca, target.node_id, _now() + hour, hour),
        "superseded": lambda target: target.superseded,
        "of a locked node": lambda target: target.locked,
        "of a deleted node": lambda target: target.deleted,
        "of a node that never was": lambda target: issue_to(target.ca, "00000000-0000-0000-0000-000000000000"),
        "of a path below a node": lambda target: issue_to(target.ca, target.node_id + "/other"),
        "of a gateway": lambda target: _pair(target.ca.issue_gateway("gateway-0", hour, _now())),
        "self-signed": lambda target: _signed_by(_key(), [_uri(target.node_id)]),
        "of another CA of the same name": lambda target: _signed_by(_key(), [_uri(target.node_id)], target),
        "of another CA with its chain": lambda target: _signed_by(_key(), [_uri(target.node_id)], target, chain=True),
        "signed with RSA": lambda target: _signed_by(_rsa(), [_uri(target.node_id)], target),
        "signed by a node": lambda target: _signed_by(_load(target.in_use.key), [_uri(target.node_id)], target),
        "signed by a node, with its chain": lambda target: _with_chain(
            _signed_by(_load(target.in_use.key), [_uri(target.node_id)], target), target.in_use.certificate
        ),
        "of the server": lambda target: _pair(target.ca.issue_server(_now())),
        "of the front": lambda target: _pair(target.ca.issue_front([target.node_id], hour, _now())),
        "the CA's own, with another key": lambda target: Held(make_key(), target.ca.bundle),
        "tampered: its signature": lambda target: _bent(target.in_use, -1),
        "tampered: its serial": lambda target: _bent(target.in_use, 20),
        "tampered: its node": lambda target: _renamed(target.in_use, target.node_id),
        "a name of another scheme": lambda target: _signed_by(
            _key(), [x509.UniformResourceIdentifier(f"https://node/{target.node_id}")], target
        ),
        "a node's URI as a host name": lambda target: _signed_by(_key(), [x509.DNSName(URI + target.node_id)], target),
        "two nodes": lambda target: _signed_by(_key(), [_uri(target.node_id), _uri("other")], target),
        "a common name alone": lambda target: _signed_by(_key(), [], target, common_name=target.node_id),
    }


def _now() -> datetime:
    return datetime.now(UTC)


def _second() -> timedelta:
    return timedelta(seconds=1)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _load(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _uri(node_id: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(URI + node_id)


def _signed_by(
    signer: _Key,
    names: list[x509.GeneralName],
    target: Target | None = None,
    *,
    chain: bool = False,
    common_name: str = "node",
) -> Held:
    """As the CA would write it, but signed by another key. Without `target` by its own."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    issuer = target.ca_certificate.subject if target is not None else subject
    own = _key() if target is not None else signer
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - timedelta(minutes=5))
        .not_valid_after(_now() + timedelta(hours=24))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    held = Held(_pem(own), builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    if not chain:
        return held
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    authority = CertificateAuthority(signer, _ca_like(signer, issuer))
    return _with_chain(held, authority.bundle)


def _ca_like(key: ec.EllipticCurvePrivateKey, name: x509.Name) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(_now() - timedelta(days=1))
        .not_valid_after(_now() + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _pem(key: _Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _with_chain(held: Held, behind: bytes) -> Held:
    return Held(held.key, held.certificate + behind)


def _pair(pair: KeyPair) -> Held:
    return Held(pair.key, pair.certificate)


def _bent(held: Held, at: int) -> Held:
    der = bytearray(x509.load_pem_x509_certificate(held.certificate).public_bytes(serialization.Encoding.DER))
    der[at] ^= 1
    return Held(held.key, _as_pem(bytes(der)))


def _renamed(held: Held, node_id: str) -> Held:
    """The certificate of another node under this one's name, with the other's signature."""
    der = x509.load_pem_x509_certificate(held.certificate).public_bytes(serialization.Encoding.DER)
    names = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (own,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    own_id = own.removeprefix(URI)
    assert len(own_id) == len(node_id)
    return Held(held.key, _as_pem(der.replace(own_id.encode(), node_id.encode())))


def _as_pem(der: bytes) -> bytes:
    return ssl.DER_cert_to_PEM_cert(der).encode()
