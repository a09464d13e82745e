"""TLS towards clients, from the command line's point of view and from the socket's."""

import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from tests.fakes.certificates import ForeignCa, replace
from tests.system.conftest import BIN
from tests.system.site import Site, is_alive

pytestmark = pytest.mark.system


def _homeport(site: Site, *arguments: str, ca_file: Path | None) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": "/usr/bin:/bin",
        "XDG_CONFIG_HOME": str(site.folder / "config"),
        "HOMEPORT_API": f"https://127.0.0.1:{site.api_port}",
        "HOMEPORT_GATEWAY": f"https://127.0.0.1:{site.gateway_port}",
        "HOMEPORT_TOKEN": site.token,
    }
    if ca_file is not None:
        environment["HOMEPORT_CA_FILE"] = str(ca_file)
    command = [str(BIN / "homeport"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)


def _serial(site: Site, port: int) -> int:
    assert site.trust is not None
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
        site.trust.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        certificate = connection.getpeercert(binary_form=True)
    assert certificate is not None
    return x509.load_der_x509_certificate(certificate).serial_number


def test_with_the_internal_ca_clients_that_trust_it_get_in_and_others_hear_what_to_do(tmp_path: Path) -> None:
    with Site(tmp_path, "--tls", "internal") as site:
        site.ca_file = site.data_dir / "ca.crt"
        site.start_all()
        strict = site.trust
        assert strict is not None
        strict.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
        for port in (site.api_port, site.gateway_port):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
                strict.wrap_socket(plain, server_hostname="localhost").close()
            with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
                plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                assert not plain.recv(1000).startswith(b"HTTP/1.1 200")

        listed = _homeport(site, "deployment", "list", ca_file=site.ca_file)
        assert "echo" in listed.stdout, listed.stderr
        refused = _homeport(site, "deployment", "list", ca_file=None)
        assert refused.returncode == 1
        assert "--ca-file" in refused.stderr

        gateway = site.gateway_pid
        site.kill(site.server)
        assert site.ask("dead?")["body"] == "dead?"
        site.start_server()
        assert site.gateway_pid == gateway
        site.until(lambda: site.api("GET", "/nodes")["items"][0]["status"]["connected"], "the agent is back")


def test_files_are_replaced_under_a_running_stream(tmp_path: Path) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    ca = ForeignCa()
    first = ca.issue(certificate, key)
    with Site(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key)) as site:
        site.ca_file = ca.write(tmp_path / "foreign.crt")
        site.start_all()
        ports = (site.api_port, site.gateway_port)
        assert {_serial(site, port) for port in ports} == {first}
        with site.open("/d/echo/slow") as stream:
            assert stream.readline() == b"data: 0\n"
            second = ca.issue(certificate, key)
            site.until(lambda: {_serial(site, port) for port in ports} == {second}, "both show the new certificate")
            for number in range(1, 30):
                assert stream.readline() == b"\n"
                assert stream.readline() == b"data: %d\n" % number
        replace(certificate, b"half a certif")
        log = site.folder / "server.log"
        site.until(lambda: "stays as it was" in log.read_text(), "the bad file is noticed")
        assert {_serial(site, port) for port in ports} == {second}

        # A server that is to speak plain HTTP does not take over a gateway that speaks TLS.
        gateway = site.gateway_pid
        site.kill(site.server)
        site.server_options, site.ca_file = (), None
        site.start_server()
        assert not is_alive(gateway)
        site.until(lambda: site.ask("plain")["body"] == "plain", "plain HTTP answers")


def test_plain_http_towards_others_does_not_start(tmp_path: Path) -> None:
    site = Site(tmp_path, "--host", "0.0.0.0")
    refused = subprocess.run(site.server_command(), capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert "--tls internal" in refused.stderr
    assert not site.data_dir.exists()


def test_a_wrong_certificate_is_one_line_with_the_fix(tmp_path: Path) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    ForeignCa().issue(certificate, key)
    ForeignCa().issue(certificate, tmp_path / "other.key")
    site = Site(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key))
    refused = subprocess.run(site.server_command(), capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert "do not go together" in refused.stderr.splitlines()[-1]
