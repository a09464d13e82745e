import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from controlplane.auth.ca import open_ca, public_key_sha256
from homeport.core.errors import ErrorCode, HomeportError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def csr(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, name: str = "anything") -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


def test_the_ca_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = open_ca(tmp_path, NOW)
    assert open_ca(tmp_path, NOW).pin == first.pin
    assert (tmp_path / "ca.pem").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["ca.pem"]


def test_a_damaged_ca_file_is_never_replaced(tmp_path: Path) -> None:
    open_ca(tmp_path, NOW)
    (tmp_path / "ca.pem").write_bytes(b"damaged")
    with pytest.raises(HomeportError, match="restore it from a backup"):
        open_ca(tmp_path, NOW)
    assert (tmp_path / "ca.pem").read_bytes() == b"damaged"


def test_a_node_gets_the_identity_that_the_server_gives_not_the_one_that_it_asks_for(tmp_path: Path) -> None:
    ca = open_ca(tmp_path, NOW)
    request = csr(ec.generate_private_key(ec.SECP256R1()), name="somebody-else")
    issued = ca.issue_node("node-7", request, timedelta(hours=24), NOW)
    certificate = x509.load_pem_x509_certificate(issued.pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in names] == ["homeport://node/node-7"]
    assert b"somebody-else" not in certificate.public_bytes(serialization.Encoding.DER)
    assert certificate.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert certificate.not_valid_after_utc == NOW + timedelta(hours=24)
    assert f"{certificate.serial_number:x}" == issued.serial
    assert certificate.not_valid_before_utc.timestamp() == issued.begins_at
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not constraints.ca


def test_the_server_certificate_is_trusted_with_the_bundle(tmp_path: Path) -> None:
    ca = open_ca(tmp_path)
    pair = ca.issue_server(datetime.now(UTC))
    (tmp_path / "server.pem").write_bytes(pair.key + pair.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    assert pair.certificate.endswith(ca.bundle)


@pytest.mark.parametrize("der", [b"", b"garbage", b"\x30\x82" + b"\x00" * 50])
def test_what_is_no_request_is_refused(der: bytes) -> None:
    with pytest.raises(HomeportError) as caught:
        public_key_sha256(der)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


def test_a_request_that_was_tampered_with_is_refused() -> None:
    der = bytearray(csr(ec.generate_private_key(ec.SECP256R1())))
    der[-1] ^= 1
    with pytest.raises(HomeportError):
        public_key_sha256(bytes(der))


def test_other_kinds_of_keys_are_refused() -> None:
    with pytest.raises(HomeportError, match="elliptic-curve"):
        public_key_sha256(csr(rsa.generate_private_key(65537, 2048)))
