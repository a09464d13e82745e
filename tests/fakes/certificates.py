"""A certificate for 127.0.0.1 of a CA that is not Homeport's, as a person would bring it."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class ForeignCa:
    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Somebody's CA")])
        now = datetime.now(UTC)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        builder = _certificate(self._name, self._name, self._key, now, timedelta(days=10))
        self._own = builder.add_extension(constraints, critical=True).sign(self._key, hashes.SHA256())

    def write(self, path: Path) -> Path:
        path.write_bytes(self._own.public_bytes(serialization.Encoding.PEM))
        return path

    def issue(self, certificate: Path, key: Path, *, now: datetime | None = None, password: bytes = b"") -> int:
        """Its serial number. Both files are replaced by rename, as tools that renew certificates do."""
        new = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "control")])
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        builder = _certificate(subject, self._name, new, now or datetime.now(UTC), timedelta(days=1))
        leaf = builder.add_extension(names, critical=False).sign(self._key, hashes.SHA256())
        encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        replace(key, new.private_bytes(serialization.Encoding.PEM, form, encryption))
        replace(certificate, leaf.public_bytes(serialization.Encoding.PEM))
        return leaf.serial_number


def replace(path: Path, content: bytes) -> None:
    scratch = path.with_suffix(".new")
    scratch.write_bytes(content)
    scratch.rename(path)


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + life)
    )
