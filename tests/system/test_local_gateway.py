"""A site that serves its own clients: two agents, a gateway on one of them, replicas on the other, and no control
plane."""

import contextlib
import json
import os
import signal
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_ports
from tests.system.conftest import BIN
from tests.system.site import Site, documents, replica_pids

pytestmark = [pytest.mark.system, pytest.mark.timeout(500)]

PATIENCE = 90.0


class TwoAgents(Site):
    """The replica is on `agent`; `gate` serves clients and has no place for replicas."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.local_port, self.local_tunnel_port = free_ports(2)
        self.gate: subprocess.Popen[str] | None = None

    def __exit__(self, *arguments: object) -> None:
        if self.gate is not None and self.gate.poll() is None:
            self.gate.kill()
            self.gate.wait()
        super().__exit__(*arguments)

    def start_gate(self) -> None:
        state = str(self.folder / "gate")
        clients, tunnels = f"127.0.0.1:{self.local_port}", f"127.0.0.1:{self.local_tunnel_port}"
        where = ["--local-gateway", clients, "--local-gateway-tunnels", tunnels, "--local-gateway-tls", "internal"]
        where += ["--local-gateway-access-log", str(self.folder / "access.log")]
        command = [str(BIN / "homeport-agent"), "run", "--state-dir", state, "--allow-driver", "simulated", *where]
        with open(self.folder / "gate.log", "a") as log:
            self.gate = subprocess.Popen(command, stdout=log, stderr=log, text=True)

    def local(self, text: str, token: str = "", path: str = "anything") -> str:
        """What the model answers to a client of the site."""
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.local_port}/d/echo/{path}",
            text.encode(),
            {"Authorization": f"Bearer {token or self.token}"},
        )
        trust = ssl.create_default_context(cafile=self.folder / "gate" / "identity" / "current" / "ca.pem")
        with urllib.request.urlopen(request, timeout=60, context=trust) as response:
            body: str = json.loads(response.read())["body"]
            return body

    def refusal(self, token: str, path: str = "anything") -> int:
        try:
            self.local("x", token, path)
        except urllib.error.HTTPError as refused:
            refused.close()
            return refused.code
        return 200

    def used(self, token_id: str) -> int:
        """Requests that sites have told of."""
        days = self.api("GET", f"/access-tokens/{token_id}/site-usage")["days"]
        assert {each["deployment_id"] for each in days} <= {"echo"}
        return sum(each["requests"] for each in days)

    def was_denied(self, path: str) -> bool:
        """By the audit log, at the site's own gateway."""
        entries = self.api("GET", "/audit?result=denied")["items"]
        there = f"gateway of node {self.status('gate')['node_id']}: POST /d/echo/{path}"
        return any(each["request"] == there for each in entries)

    def status(self, state_dir: str) -> dict[str, Any]:
        command = [str(BIN / "homeport-agent"), "status", "--json", "--state-dir", str(self.folder / state_dir)]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60)
        answer: dict[str, Any] = json.loads(told.stdout) if told.returncode == 0 else {}
        return answer


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TwoAgents]:
    with TwoAgents(tmp_path) as site:
        site.start_server()
        site.api("POST", "/apply", {"documents": documents()})
        for state_dir in ("agent", "gate"):
            joined = site.join(site.new_join_token(), state_dir)
            assert joined.returncode == 0, joined.stderr
        site.start_agent()
        site.start_gate()
        site.until(lambda: site.local("warm") == "warm", "an answer at the site", PATIENCE)
        yield site


def test_a_site_serves_its_clients_without_a_control_plane(site: TwoAgents) -> None:
    assert site.agent is not None and site.gate is not None
    assert _listening(site.agent.pid) == set()
    assert _listening(site.gate.pid) == {site.local_port, site.local_tunnel_port}
    guest = site.api("POST", "/access-tokens", {"name": "guest", "models": ["echo"]})
    site.until(lambda: site.local("hello", guest["token"]) == "hello", "the new token is known", PATIENCE)
    assert site.refusal("hp1.aaaaaaaaaaaa.wrong") == 401

    site.kill(site.server)
    with contextlib.suppress(ProcessLookupError):
        os.kill(site.gateway_pid, signal.SIGKILL)
    assert site.local("alone", guest["token"]) == "alone"
    for process in (site.agent, site.gate):
        site.stop(process)
    before = replica_pids(site.folder / "agent")
    site.start_gate()
    site.start_agent()
    site.until(lambda: site.local("again", guest["token"]) == "again", "an answer after restarts", PATIENCE)
    assert replica_pids(site.folder / "agent") == before
    assert site.refusal("hp1.aaaaaaaaaaaa.wrong", "while-cut-off") == 401

    site.start_server()
    site.until(lambda: site.was_denied("while-cut-off"), "what was denied while cut off is in the audit log", PATIENCE)
    # An agent tells what it has counted at its end: two requests in its first life, one in its second.
    site.until(lambda: site.used(guest["id"]) >= 2, "what was used before the restart", PATIENCE)
    site.stop(site.agent)
    site.start_agent()
    site.until(lambda: site.used(guest["id"]) == 3, "what was used after it", PATIENCE)
    site.until(lambda: site.local("still") == "still", "an answer", PATIENCE)
    site.api("DELETE", f"/access-tokens/{guest['id']}")
    site.until(lambda: site.refusal(guest["token"]) == 401, "the revocation is known", PATIENCE)
    assert site.local("and on") == "and on"
    lines = [json.loads(line) for line in (site.folder / "access.log").read_text().splitlines()]
    assert {200, 401} <= {line["status"] for line in lines if line["path"] == "/d/echo/anything"}
    assert site.status("gate")["local_gateway"]["deployments"] == 1
    assert [each["node_id"] for each in site.status("agent")["site_gateways"]] == [site.status("gate")["node_id"]]


def _listening(pid: int) -> set[int]:
    """TCP ports at which that process listens."""
    inodes = set()
    for descriptor in (Path("/proc") / str(pid) / "fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(descriptor))
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in (Path("/proc/net") / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
