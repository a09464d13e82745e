"""The gateway as a process of its own: what clients notice when the control plane goes and comes."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_ports
from tests.system.site import Site, is_alive

pytestmark = pytest.mark.system


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as site:
        site.start_all()
        yield site


def test_streams_and_new_requests_go_on_while_the_control_plane_is_dead(site: Site) -> None:
    gateway, replica = site.gateway_pid, site.ask("who")["pid"]
    with site.open("/d/echo/slow") as stream:
        assert stream.readline() == b"data: 0\n"
        site.kill(site.server)
        assert site.ask("dead?")["pid"] == replica
        site.start_server()
        for number in range(1, 30):
            assert stream.readline() == b"\n"
            assert stream.readline() == b"data: %d\n" % number
    assert site.gateway_pid == gateway
    assert is_alive(gateway)
    site.until(lambda: site.api("GET", "/nodes")["items"][0]["status"]["connected"], "the agent is back")
    assert site.ask("again")["pid"] == replica


def test_news_reach_a_gateway_that_outlived_its_control_plane(site: Site) -> None:
    site.kill(site.server)
    site.start_server()
    site.api("DELETE", "/deployments/echo")
    site.until(lambda: _status(site) == 404, "the gateway knows that the deployment is gone")


def test_a_dead_gateway_is_replaced(site: Site) -> None:
    before = site.gateway_pid
    os.kill(before, signal.SIGKILL)
    site.until(lambda: site.gateway_pid != before and site.ask("again"), "another gateway answers")


def test_a_gateway_that_does_not_fit_is_replaced(site: Site) -> None:
    before = site.gateway_pid
    site.kill(site.server)
    [site.gateway_port] = free_ports(1)
    site.start_server()
    assert not is_alive(before)
    site.until(lambda: site.ask("at the new port"), "the new gateway answers")


def test_streams_go_on_when_a_control_plane_hands_over(site: Site) -> None:
    """As systemd asks it to, on a host that is so busy that both signals wait for it."""
    gateway = site.gateway_pid
    assert site.server is not None
    with site.open("/d/echo/slow") as stream:
        assert stream.readline() == b"data: 0\n"
        for told in (signal.SIGSTOP, signal.SIGUSR1, signal.SIGTERM):
            site.server.send_signal(told)
        site.stop(site.server, signal.SIGCONT)
        site.start_server()
        for number in range(1, 30):
            assert stream.readline() == b"\n"
            assert stream.readline() == b"data: %d\n" % number
    assert site.gateway_pid == gateway
    site.ask("again")


def test_a_control_plane_that_cannot_start_leaves_the_gateway_as_it_found_it(site: Site) -> None:
    gateway = site.gateway_pid
    site.kill(site.server)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = site.server_command(api_port=taken.getsockname()[1])
        refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "--api-port" in refused.stderr.splitlines()[-1]
    assert is_alive(gateway)
    assert site.ask("still")


def test_a_first_start_that_fails_leaves_no_gateway(site: Site) -> None:
    site.stop(site.server)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = site.server_command(api_port=taken.getsockname()[1])
        refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert not (site.data_dir / "gateway-0.pid").exists()


def test_it_stops_with_its_control_plane(site: Site) -> None:
    gateway = site.gateway_pid
    site.stop(site.server)
    assert not is_alive(gateway)


def test_a_taken_port_is_one_line_with_the_fix(site: Site) -> None:
    site.stop(site.server)
    with socket.create_server(("127.0.0.1", site.gateway_port)):
        refused = subprocess.run(site.server_command(), capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1:{site.gateway_port}" in refused.stderr.splitlines()[-1]


def _status(site: Site) -> int:
    with socket.create_connection(("127.0.0.1", site.gateway_port), timeout=5) as client:
        client.sendall(
            f"GET /d/echo/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {site.token}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        return int(client.recv(100).split()[1])
