"""Whom an agent takes for a gateway: a worker that its certificate names, and nobody else of the same CA."""

import ssl
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from agent.link.csr import make_csr, make_key
from controlplane.auth.ca import CertificateAuthority, KeyPair, open_ca
from controlplane.gateway.certificate import GatewayCertificates
from controlplane.gateway.worker import GatewayWorker
from homeport.http2.client import dial
from homeport.http2.tls import client_tls, server_tls
from homeport.identity import GATEWAY_NAME, SITE_GATEWAY_NAME
from homeport.tunnel.client import attach
from homeport.tunnel.errors import AttachError
from homeport.tunnel.server import TunnelServer
from tests.fakes.door import FakeDoor
from tests.fakes.node_ca import issue_to

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def of_a_node(ca: CertificateAuthority, node_id: str) -> KeyPair:
    key = make_key()
    return KeyPair(key, ca.issue_node(node_id, make_csr(key), DAY, NOW).pem + ca.bundle)


def of_a_site(ca: CertificateAuthority, node_id: str) -> KeyPair:
    key = make_key()
    return KeyPair(key, ca.issue_site_gateway(node_id, make_csr(key), DAY, NOW))


PRETENDERS: dict[str, Callable[[CertificateAuthority, CertificateAuthority], KeyPair]] = {
    "the control plane": lambda ca, other: ca.issue_server(NOW),
    "a node": lambda ca, other: of_a_node(ca, "n2"),
    "a node that is called so": lambda ca, other: of_a_node(ca, GATEWAY_NAME),
    "the front of the API": lambda ca, other: ca.issue_front(["api.example"], DAY, NOW),
    "a front that is called so": lambda ca, other: ca.issue_front([GATEWAY_NAME], DAY, NOW),
    "another worker": lambda ca, other: ca.issue_gateway("gateway-1", DAY, NOW),
    "a worker of no name": lambda ca, other: ca.issue_gateway("", DAY, NOW),
    "a host with a local gateway": lambda ca, other: of_a_site(ca, "gateway-0"),
    "a gateway of another CA": lambda ca, other: other.issue_gateway("gateway-0", DAY, NOW),
    "a gateway whose time is over": lambda ca, other: ca.issue_gateway("gateway-0", DAY, NOW - 2 * DAY),
}


class Attached:
    """A tunnel port with that certificate, and who got as far as to ask for a tunnel there."""

    def __init__(self, ca: CertificateAuthority, pair: KeyPair) -> None:
        self.asked: list[str] = []
        self._ca = ca
        self._pair = pair

    async def attach(self, kind: str = GATEWAY_NAME) -> str:
        """The worker that the agent has a tunnel to."""

        def admit(node_id: str, epoch: int) -> bool:
            self.asked.append(node_id)
            return True

        server = TunnelServer(FakeDoor(admit), "gateway-0")
        tls = server_tls(self._pair.key, self._pair.certificate, self._ca.bundle)
        port = await server.start("127.0.0.1:0", tls)
        held = issue_to(self._ca, "n1")
        try:
            attachment = await attach(
                f"127.0.0.1:{port}", client_tls(held.key, held.certificate, self._ca.bundle), 1, kind=kind
            )
            attachment.hang_up()
            return attachment.worker_id
        finally:
            await server.close(0)


@pytest.fixture
def cas(tmp_path: Path) -> tuple[CertificateAuthority, CertificateAuthority]:
    for name in ("ours", "other"):
        (tmp_path / name).mkdir()
    return open_ca(tmp_path / "ours"), open_ca(tmp_path / "other")


@pytest.mark.parametrize("who", PRETENDERS)
async def test_nobody_else_gets_a_tunnel(who: str, cas: tuple[CertificateAuthority, CertificateAuthority]) -> None:
    ca, other = cas
    port = Attached(ca, PRETENDERS[who](ca, other))
    with pytest.raises((AttachError, ssl.SSLError)):
        await port.attach()
    # Another worker is found out by what it answers; all others hear nothing of the node's epoch.
    assert port.asked == (["n1"] if who == "another worker" else [])


async def test_a_gateway_does(cas: tuple[CertificateAuthority, CertificateAuthority]) -> None:
    assert await Attached(cas[0], cas[0].issue_gateway("gateway-0", DAY, NOW)).attach() == "gateway-0"


async def test_a_local_gateway_is_taken_for_itself_alone(
    cas: tuple[CertificateAuthority, CertificateAuthority],
) -> None:
    ca, _ = cas
    assert await Attached(ca, of_a_site(ca, "gateway-0")).attach(SITE_GATEWAY_NAME) == "gateway-0"
    with pytest.raises((AttachError, ssl.SSLError)):
        await Attached(ca, ca.issue_gateway("gateway-0", DAY, NOW)).attach(SITE_GATEWAY_NAME)


def test_its_certificate_is_replaced_at_half_of_its_life(tmp_path: Path) -> None:
    now = NOW
    certificates = GatewayCertificates(open_ca(tmp_path), lambda: now, timedelta(days=30))
    told: list[tuple[str, KeyPair]] = []
    certificates.on_change = lambda *change: told.append(change)
    first = certificates.pair("gateway-0")
    now = NOW + timedelta(days=14, hours=23)
    certificates.look()
    assert (certificates.pair("gateway-0"), told) == (first, [])
    other = certificates.pair("gateway-1")
    now = NOW + timedelta(days=15)
    certificates.look()
    assert told == [("gateway-0", certificates.pair("gateway-0"))]
    assert certificates.pair("gateway-1") == other
    leaf = x509.load_pem_x509_certificates(certificates.pair("gateway-0").certificate)[0]
    assert leaf.not_valid_after_utc.date() == (NOW + timedelta(days=45)).date()
    now = NOW + timedelta(days=29)
    certificates.look()
    assert len(told) == 1


async def test_a_running_gateway_takes_its_newer_certificate_over(tmp_path: Path) -> None:
    """As it comes from the control plane's feed, without a new listener."""
    ca = open_ca(tmp_path)
    worker = GatewayWorker(Namespace(worker_id="gateway-0", trusted_proxies=""))
    server = TunnelServer(FakeDoor(lambda node_id, epoch: True), "gateway-0")
    held, serials, port = issue_to(ca, "n1"), [], 0
    for pair in (ca.issue_gateway("gateway-0", DAY, NOW), ca.issue_gateway("gateway-0", DAY, NOW)):
        texts = {"key": pair.key, "certificate": pair.certificate, "ca": ca.bundle}
        worker.take_identity({name: text.decode() for name, text in texts.items()})
        assert worker.tunnel_tls is not None
        port = port or await server.start("127.0.0.1:0", worker.tunnel_tls)
        tls = client_tls(held.key, held.certificate, ca.bundle)
        endpoint = await dial("127.0.0.1", port, tls, GATEWAY_NAME)
        serials.append(int(str(endpoint.peer_certificate["serialNumber"]), 16))
        issued = x509.load_pem_x509_certificates(pair.certificate)[0]
        assert serials[-1] == issued.serial_number
        endpoint.close()
    assert serials[0] != serials[1]
    await server.close(0)
