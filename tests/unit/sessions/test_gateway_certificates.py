"""What a node gets for its local gateway, and what it does not get."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from homeport_proto.v1 import session_pb2 as pb

from agent.link.csr import make_csr, make_key
from controlplane.auth.ca import CertificateAuthority, open_ca
from controlplane.sessions.gateway_certificates import certify
from homeport.core.errors import ErrorCode, HomeportError
from homeport.identity import GATEWAY_NAME, SITE_GATEWAY_NAME, gateway_in

NOW = datetime.now(UTC)
RESERVED = ("localhost", "127.0.0.1", "homeport.example.org", "192.0.2.1")


@pytest.fixture
def ca(tmp_path: Path) -> CertificateAuthority:
    return open_ca(tmp_path)


def ask(ca: CertificateAuthority, *names: str, csr: bytes | None = None) -> pb.CertifyGatewayResponse:
    request = pb.CertifyGatewayRequest(csr=csr or make_csr(make_key()), client_names=names)
    return certify(ca, "n1", request, RESERVED, NOW)


def decoded(pem: bytes, tmp_path: Path) -> dict[str, Any]:
    """As a peer's certificate is given by the ssl module."""
    file = tmp_path / "certificate.pem"
    file.write_bytes(pem)
    found: dict[str, Any] = ssl._ssl._test_decode_cert(str(file))  # type: ignore[attr-defined]
    return found


def test_its_tunnel_port_names_the_node_and_is_no_gateway_of_the_control_planes(
    ca: CertificateAuthority, tmp_path: Path
) -> None:
    answer = ask(ca)
    certificate = decoded(answer.certificate_pem, tmp_path)
    assert gateway_in(certificate, SITE_GATEWAY_NAME) == "n1"
    assert gateway_in(certificate, GATEWAY_NAME) == ""
    assert answer.certificate_ttl_seconds == 30 * 86_400
    assert not answer.client_certificate_pem


def test_towards_clients_it_has_the_names_that_were_asked_for(ca: CertificateAuthority) -> None:
    pem = ask(ca, "Plant.local", "10.0.0.5", "localhost", "plant.local").client_certificate_pem
    extensions = x509.load_pem_x509_certificate(pem).extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["plant.local", "10.0.0.5", "localhost"]


@pytest.mark.parametrize(
    "name",
    ["homeport.example.org", "HOMEPORT.example.org.", "192.0.2.1", GATEWAY_NAME, "homeport-control-plane", "*.org", ""],
)
def test_no_node_gets_the_control_planes_names(ca: CertificateAuthority, name: str) -> None:
    with pytest.raises(HomeportError) as refused:
        ask(ca, "plant.local", name)
    assert refused.value.code is ErrorCode.INVALID_ARGUMENT


def test_a_request_that_is_none_is_refused(ca: CertificateAuthority) -> None:
    with pytest.raises(HomeportError, match="signing request"):
        ask(ca, csr=b"what")
